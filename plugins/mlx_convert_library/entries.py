"""Library entries as JSON objects and back."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from mlx_convert_core.plugin import LibraryEntry


def as_json(entry: LibraryEntry) -> dict[str, Any]:
    """``entry`` as an object for the file."""
    values = {field.name: getattr(entry, field.name) for field in fields(entry)}
    return values | {"path": str(entry.path), "measurements": dict(entry.measurements)}


def from_json(stored: Any) -> LibraryEntry | None:
    """The entry in an object of the file, None when it is of a wrong shape; unknown fields don't matter."""
    try:
        return msgspec.convert(stored, LibraryEntry, dec_hook=lambda kind, value: kind(value))
    except (msgspec.ValidationError, TypeError, ValueError):
        return None


def path_of(stored: Any) -> Path | None:
    """The path in an object of the file, whatever else is wrong with it."""
    found = stored.get("path") if isinstance(stored, dict) else None
    return Path(found) if isinstance(found, str) else None
