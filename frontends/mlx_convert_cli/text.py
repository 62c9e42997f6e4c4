"""Names and text as people read them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Styled:
    """Text with a look (see `click.style`), to be told."""

    text: str
    look: dict[str, Any]


def styled(text: str, **look: Any) -> Styled:
    """``text`` with colors for a terminal, but not where the user wants none; they are dropped in a pipe."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Styled(text, {} if plain else look)


def folder(path: Path) -> str:
    """A path as short as it can be, in one line, for people to read."""
    for base, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path != base and path.is_relative_to(base):
            return one_line(f"{prefix}{path.relative_to(base)}")
    return one_line(str(path))


def nearby(path: Path) -> Path:
    """A path for a command to copy, relative where it lies below the folder that the command is copied in."""
    here = Path.cwd()
    return path.relative_to(here) if path != here and path.is_relative_to(here) else path


def one_line(text: str) -> str:
    """A name in which no line ends."""
    return text.replace("\n", "\\n")


def printable(text: str) -> str:
    """``text`` without what could steer a terminal: control characters, and marks that turn the order of letters.

    Half of a surrogate pair, which no terminal can be sent, is written out: ``\\xfc`` for a byte that is no UTF-8.
    """
    return text.translate(_STEERING) if not text.isascii() or not text.isprintable() else text


def _written_out(code: int) -> str:
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


_CONTROLS = {*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)} - {ord("\n"), ord("\t")}
_STEERING = dict.fromkeys(_CONTROLS, "") | {code: _written_out(code) for code in range(0xD800, 0xE000)}
