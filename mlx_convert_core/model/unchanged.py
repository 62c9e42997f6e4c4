"""Whether a model's files are still those that were tried: asked of a library, so without reading weights.

First what a record says is compared with what is there: the size of every file, and the sha256 of small ones. From then
on sizes and times of change tell. What a person adds or writes beside them (README.md) is no change of the model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.base.file_names import MERGES, RECORD, SAFETENSORS, VOCABULARIES
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint

if TYPE_CHECKING:  # whoever looks at entries alone needs no record
    from mlx_convert_core.model.record import RecordedFile

SMALL = 1_000_000  # bytes that are read: settings and templates; a tokenizer of 10 MB is told by its size
_READ = (f"*{SAFETENSORS}", "*.json", "*.jinja", "*.py", MERGES, *VOCABULARIES)


def as_recorded(folder: Path, files: Mapping[str, RecordedFile]) -> bool:
    """Whether each of the recorded ``files`` that a reader of the model reads is in ``folder`` as it was."""
    read = {name: file for name, file in files.items() if _is_read(name)}
    try:
        return bool(read) and all(_is_same(folder, name, file) for name, file in read.items())
    except (OSError, CorruptCheckpoint):
        return False


def stamp(folder: Path) -> str:
    """What changes with every file at the top of ``folder`` that a reader of the model reads; "" without a folder."""
    try:
        found = sorted(_stamps(folder))
    except OSError:
        return ""
    from hashlib import sha256  # who lists models has no need of it

    return sha256(repr(found).encode()).hexdigest()[:16]


def _is_read(name: str) -> bool:
    return name != RECORD and not name.startswith(".") and any(fnmatchcase(name, pattern) for pattern in _READ)


def _is_same(folder: Path, name: str, recorded: RecordedFile) -> bool:
    path = folder / name
    if path.stat().st_size != recorded.size:
        return False
    if recorded.size > SMALL:
        return True
    from hashlib import sha256

    return sha256(read_regular(path, SMALL, within=folder)).hexdigest() == recorded.sha256


def _stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if _is_read(entry.name):
                status = entry.stat()
                yield entry.name, status.st_size, status.st_mtime_ns
