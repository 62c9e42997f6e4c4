"""The documents of the repository, as sections and blocks of code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language ("" for a shell) and its text."""

    language: str
    text: str


def blocks(text: str, language: str | None = None) -> list[Block]:
    """The blocks of a text, all or those in a language."""
    found = [Block(*match) for match in _BLOCK.findall(text)]
    return [block for block in found if language is None or block.language == language]


def sections(page: Path) -> dict[str, str]:
    """The text below each heading of the second level."""
    _, *parts = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    split = (part.partition("\n") for part in parts)
    return {title.strip("`"): re.split(r"^# ", text, flags=re.MULTILINE)[0] for title, _, text in split}
