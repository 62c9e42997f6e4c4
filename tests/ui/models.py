"""Converted models for tests that need one in the library."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlx_convert_core import LibraryEntry, Workspace


def shelved(workspace: Workspace, made: Path, folder: Path, name: str = "") -> LibraryEntry:
    """Put a copy of the converted model ``made`` below ``folder`` and into the library; its entry."""
    copied = shutil.copytree(made, folder / (name or made.name))
    (entry,) = workspace.scan(copied)
    return entry
