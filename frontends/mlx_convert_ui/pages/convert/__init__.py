"""The Convert page."""
