"""A note of what is written, kept beside unfinished files, so that a dead job's work can be taken up again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.base.regular_files import open_regular
from mlx_convert_core.errors import CorruptCheckpoint


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a tensor that was written whole: its digest, the values behind it that are not finite, and those
    that only became so."""

    digest: str
    not_finite: int = 0
    overflowed: int = 0


class Journal:
    """Lines of ``digest count count name``, after a first line that says what they belong to.

    Nothing is synced: whoever takes it up compares the bytes with the digests.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._path = path
        self._fingerprint = fingerprint
        self._handle = -1

    def open(self) -> Mapping[str, Note]:
        """Begin, or go on with a journal of the same fingerprint: its notes, by name."""
        notes = self._notes()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if notes else os.O_TRUNC)
        self._handle = os.open(self._path, flags, 0o644)
        if not notes:
            self._line(self._fingerprint)
        return notes

    def note(self, name: str, note: Note) -> None:
        """Say that ``name`` is written whole."""
        self._line(f"{note.digest} {note.not_finite} {note.overflowed} {name}")

    def close(self) -> None:
        """Stop noting; the file stays."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _line(self, text: str) -> None:
        os.write(self._handle, f"{text}\n".encode())

    def _notes(self) -> dict[str, Note]:
        try:
            with open_regular(self._path, within=self._path.parent) as file:
                first, *lines = file.read().decode().splitlines()
        except (OSError, ValueError, CorruptCheckpoint):
            return {}
        if first != self._fingerprint:
            return {}
        return dict(filter(None, map(_noted, lines)))


def _noted(line: str) -> tuple[str, Note] | None:
    """The name and the note in a line; None for one that is cut off, or of an older version."""
    parts = line.split(" ", 3)
    if len(parts) < 4 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    return parts[3], Note(parts[0], int(parts[1]), int(parts[2]))


def has_notes(path: Path) -> bool:
    """Whether the journal ``path`` says that anything was written whole."""
    try:
        with open_regular(path, within=path.parent) as file:
            return bool(file.readline()) and bool(file.readline())
    except (OSError, CorruptCheckpoint):
        return False
