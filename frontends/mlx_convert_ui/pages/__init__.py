"""The pages, one a file; each has ``register(studio)``."""
