"""What sources computed of a text, kept in the home folder: the states that their output heads are applied to.

They are exact, and small: 2.3 kB a token of a model of 135 million parameters, where its log-probabilities take 197 kB.
The oldest go when all together take more than `KEPT_BYTES`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil

from mlx_convert_core.base import codec
from mlx_convert_core.base.documents import write_atomic
from mlx_convert_core.base.private import FILE_MODE, private_folder
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.plugins.scoring import HiddenStates
from mlx_convert_core.writing.record import versions

FOLDER = "references"
KEPT_BYTES = 2_000_000_000  # a text of 8,192 tokens for sixty models of 1 B parameters, or eight of 70 B
_SUFFIX = ".states"
_SCRATCH = "source-"  # then the number of the process that uses it
_HEADER = 8  # bytes that say how long the header is


class _Header(msgspec.Struct, frozen=True):
    """What is in a file: the type and width of its numbers, and the bytes of each sequence's."""

    dtype: str
    width: int
    sizes: tuple[int, ...]


class References:
    """The states that are kept in ``home``."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def read(self, key: str) -> list[HiddenStates] | None:
        """The states that were kept as ``key``; None when there are none, or the file is damaged."""
        path = self._folder / f"{key}{_SUFFIX}"
        try:
            data = path.read_bytes()
            states = _decoded(data)
            os.utime(path)  # used: not the oldest any more
        except (OSError, ValueError):
            return None
        return states

    def keep(self, key: str, states: Sequence[HiddenStates]) -> None:
        """Keep ``states``, whole or not at all. Larger ones than all that is kept together are not."""
        size = sum(len(one.data) for one in states)
        if size > KEPT_BYTES:
            return
        private_folder(self._folder)
        self._make_room(size)
        write_atomic(self._folder / f"{key}{_SUFFIX}", _encoded(states), mode=FILE_MODE)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for a source that is rebuilt to be read, until the body ends. What killed programs left goes."""
        for left in private_folder(self._folder).glob(f"{_SCRATCH}*"):
            owner = left.name.removeprefix(_SCRATCH).partition("-")[0]
            if owner.isdecimal() and not psutil.pid_exists(int(owner)):
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-", dir=self._folder) as folder:
            yield Path(folder)

    def _make_room(self, size: int) -> None:
        kept = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in kept)
        for path in kept:
            if total + size <= KEPT_BYTES:
                return
            total -= path.stat().st_size
            with suppress(FileNotFoundError):  # another program made room, too
                path.unlink()


def key_of(model: ModelInfo, text_hash: str) -> str:
    """Under which name the states of ``model`` for a text are kept: of its commit or its files, the text, the versions.

    A source without a commit is told by the size and the time of each of its files: to read them all would take as long
    as to compute again.
    """
    found = versions()
    computed_by = [found.get(name, "") for name in ("mlx", "mlx-lm", "platform")]
    parts = [*_identity(model), text_hash, *computed_by]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _identity(model: ModelInfo) -> list[str]:
    if model.repo_id and model.revision:
        return [model.repo_id, model.revision]
    place = model.path
    if place is None:
        return [model.ref, *(f"{file.name} {file.size} {file.oid}" for file in model.files)]
    files = [place / file.name for file in model.files] if place.is_dir() else [place]
    return [f"{path} {seen.st_size} {seen.st_mtime_ns}" for path in files for seen in [path.stat()]]


def _encoded(states: Sequence[HiddenStates]) -> bytes:
    header = codec.to_json(
        _Header(dtype=states[0].dtype, width=states[0].width, sizes=tuple(len(one.data) for one in states))
    )
    return b"".join([len(header).to_bytes(_HEADER, "little"), header, *(one.data for one in states)])


def _decoded(data: bytes) -> list[HiddenStates]:
    """The states in the bytes of a file; raises ValueError when it is not whole."""
    start = _HEADER + int.from_bytes(data[:_HEADER], "little")
    header: _Header = codec.decode(data[_HEADER:start], _Header)
    if start + sum(header.sizes) != len(data):
        raise ValueError("the file is not as long as it says")
    found, view = [], memoryview(data)
    for size in header.sizes:
        found.append(HiddenStates(dtype=header.dtype, width=header.width, data=view[start : start + size]))
        start += size
    return found
