"""The Plugins page, and the pages that plugins add."""
