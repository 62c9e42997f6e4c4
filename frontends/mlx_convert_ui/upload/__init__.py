"""Sending a model somewhere: the dialog, and what is on its way."""
