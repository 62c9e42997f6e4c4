"""One file an architecture: its names and numbers in GGUF, and what they are in a Hugging Face checkpoint."""
