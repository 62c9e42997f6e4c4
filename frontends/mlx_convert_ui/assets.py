"""Where the files are that a browser gets as they are."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
STATIC = _PACKAGE / "static"  # style sheets, fonts, the logo
MARKDOWN = _PACKAGE / "widgets" / "markdown"  # what renders an answer
