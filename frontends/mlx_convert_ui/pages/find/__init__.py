"""The page of a model that may be converted."""
