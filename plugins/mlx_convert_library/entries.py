"""Library entries as the objects of the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from mlx_convert_core.plugin import LibraryEntry, from_plain


def entries_in(stored: Sequence[Any]) -> list[LibraryEntry]:
    """The entries in the objects of the file, in order; those of a wrong shape are left out."""
    try:
        return from_plain(stored, list[LibraryEntry])  # at once: ten thousand one by one take twice as long
    except (msgspec.ValidationError, TypeError, ValueError):
        return [entry for one in stored if (entry := entry_in(one)) is not None]


def entry_in(stored: Any) -> LibraryEntry | None:
    """The entry in an object of the file, None when it is of a wrong shape; unknown fields don't matter."""
    try:
        return from_plain(stored, LibraryEntry)
    except (msgspec.ValidationError, TypeError, ValueError):
        return None


def path_of(stored: Any) -> Path | None:
    """The path in an object of the file, whatever else is wrong with it."""
    found = stored.get("path") if isinstance(stored, dict) else None
    return Path(found) if isinstance(found, str) else None
