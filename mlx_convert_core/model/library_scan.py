"""Looking for converted models below a folder, and saying what was not looked at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlx_convert_core.base.file_names import CONFIG, RECORD
from mlx_convert_core.base.identity import identities
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.hub_cache import SNAPSHOTS, is_repo
from mlx_convert_core.model.library import LibraryEntry
from mlx_convert_core.model.library_folder import described

SCAN_LEVELS = 8  # a Hub cache has its models four levels down, and lies somewhere on a disk
SCAN_FOLDERS = 20_000  # half a minute on a slow disk; whoever has more names the folder with models
Skipped = Callable[[Path, str], Any]


def scan(root: Path, skipped: Skipped = lambda folder, reason: None) -> Iterator[LibraryEntry]:
    """Every MLX folder at or below ``root``, also in a Hub cache, at most `SCAN_LEVELS` deep; no hidden folder.

    ``skipped`` is told of each folder that could not be read, or is damaged, and why; also of records, and, once for
    all of a kind, of checkpoints that are not MLX's and of folders that were not looked into.
    """
    one = _Scan(root, skipped)
    yield from one.below(root, SCAN_LEVELS)
    one.sum_up()


class _Scan:
    """One scan: what it has seen, each folder once whatever links lead there, and what it has passed over."""

    def __init__(self, root: Path, skipped: Skipped) -> None:
        self._root = root
        self._skipped = skipped
        self._seen: set[tuple[int, int]] = set()
        self._others: list[Path] = []
        self._too_deep: list[Path] = []
        self._too_many = False

    def below(self, folder: Path, levels: int) -> Iterator[LibraryEntry]:
        """The models in ``folder`` and up to ``levels`` below it."""
        place = identities(folder)
        if place <= self._seen or self._full():
            return
        self._seen |= place
        try:
            entry = described(folder)
            children = _children(folder) if entry is None else []
        except CorruptCheckpoint as error:
            self._skipped(folder, error.message)
            return
        except OSError as error:
            self._skipped(folder, f"it can't be read: {error.strerror or error}.")
            return
        if entry is not None:
            if not entry.made_here and os.path.lexists(folder / RECORD):
                self._skipped(folder / RECORD, "it is no record of a conversion.")
            yield entry
        elif (folder / CONFIG).exists() and next(folder.glob("*.safetensors"), None) is not None:
            self._others.append(folder)
        if levels == 0:
            self._too_deep += children
            return
        for child in children:
            yield from self.below(child, levels - 1)

    def sum_up(self) -> None:
        """Tell what was passed over, a sentence for each kind."""
        if self._others:
            self._skipped(self._others[0], f"it is a checkpoint that was not made by MLX{_more(self._others)}.")
        if self._too_deep:
            deep = f"it is more than {SCAN_LEVELS} levels below {self._root}"
            self._skipped(self._too_deep[0], f"{deep}{_more(self._too_deep)}. Name a folder nearer to it.")
        if self._too_many:
            many = f"only {SCAN_FOLDERS:,} folders were looked into"
            self._skipped(self._root, f"{many}, and it holds more. Name a folder nearer to the models.")

    def _full(self) -> bool:
        self._too_many |= len(self._seen) >= SCAN_FOLDERS
        return self._too_many


def _children(folder: Path) -> list[Path]:
    """The folders to look into next; of a repo in a Hub cache only what shows its files."""
    if is_repo(folder):
        return [folder / SNAPSHOTS]
    return sorted(child for child in folder.iterdir() if not child.name.startswith(".") and child.is_dir())


def _more(found: list[Path]) -> str:
    count = len(found) - 1
    return f", and so {'is 1 more' if count == 1 else f'are {count:,} more'}" if count else ""
