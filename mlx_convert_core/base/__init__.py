"""Helpers that know nothing of models: JSON, documents on disk, paths, addresses, processes, memory."""
