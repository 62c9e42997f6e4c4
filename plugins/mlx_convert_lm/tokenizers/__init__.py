"""How text becomes tokens: tried before a weight is read, and written in a form that every reader knows."""
