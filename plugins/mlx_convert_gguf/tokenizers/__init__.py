"""Tokenizers as GGUF files hold them, and the files that a checkpoint has instead."""
