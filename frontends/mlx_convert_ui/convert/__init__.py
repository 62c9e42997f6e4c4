"""The parts of the Convert page."""
