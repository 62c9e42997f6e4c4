"""A note of what is written, kept beside unfinished files, so that a dead job's work can be taken up again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mlx_convert_core.base.regular_files import open_regular
from mlx_convert_core.errors import CorruptCheckpoint


class Journal:
    """Lines of ``name digest``, after a first line that says what they belong to.

    Nothing is synced: whoever takes it up compares the bytes with the digests.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._path = path
        self._fingerprint = fingerprint
        self._handle = -1

    def open(self) -> Mapping[str, str]:
        """Begin, or go on with a journal of the same fingerprint: its notes, name to digest."""
        notes = self._notes()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if notes else os.O_TRUNC)
        self._handle = os.open(self._path, flags, 0o644)
        if not notes:
            self._line(self._fingerprint)
        return notes

    def note(self, name: str, digest: str) -> None:
        """Say that ``name`` is written whole."""
        self._line(f"{name} {digest}")

    def close(self) -> None:
        """Stop noting; the file stays."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _line(self, text: str) -> None:
        os.write(self._handle, f"{text}\n".encode())

    def _notes(self) -> dict[str, str]:
        try:
            with open_regular(self._path, within=self._path.parent) as file:
                first, *lines = file.read().decode().splitlines()
        except (OSError, ValueError, CorruptCheckpoint):
            return {}
        if first != self._fingerprint:
            return {}
        return dict(line.rsplit(" ", 1) for line in lines if " " in line)


def has_notes(path: Path) -> bool:
    """Whether the journal ``path`` says that anything was written whole."""
    try:
        with open_regular(path, within=path.parent) as file:
            return bool(file.readline()) and bool(file.readline())
    except (OSError, CorruptCheckpoint):
        return False
