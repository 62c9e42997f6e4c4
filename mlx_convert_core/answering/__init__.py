"""Loaded models that answer: sessions, and several models side by side."""
