"""The page of one model: what it is, how it was made, how good it is."""
