"""Whether a model of the library is still there as it was: asked of many, so from names, sizes and times alone."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from mlx_convert_core.base.file_names import CONFIG, INDEX, WEIGHTS
from mlx_convert_core.errors import CorruptCheckpoint

if TYPE_CHECKING:
    from mlx_convert_core.model.library import LibraryEntry

Condition = Literal["whole", "changed", "damaged", "missing"]


def condition_of(entry: LibraryEntry) -> Condition:
    """What became of the folder of ``entry``.

    ``missing``: it has vanished; ``damaged``: there are no weights in it, or the index names some that are not there;
    ``changed``: its files are others than those that were verified. A file that is shorter than it says is not found.
    """
    try:
        names = set(os.listdir(entry.path))
    except OSError:
        return "missing"
    if CONFIG not in names:
        return "missing"
    if not any(fnmatchcase(name, WEIGHTS) for name in names) or not _all_named(entry, names):
        return "damaged"
    return "changed" if entry.verified and not entry.still_verified() else "whole"


def _all_named(entry: LibraryEntry, names: set[str]) -> bool:
    if INDEX not in names:
        return True
    from mlx_convert_core.model.shard_index import weight_map

    try:
        return set(weight_map(entry.path / INDEX).values()) <= names
    except (CorruptCheckpoint, OSError):
        return False
