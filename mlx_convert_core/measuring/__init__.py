"""Measuring converted models: how close to their source they are, and how fast."""
