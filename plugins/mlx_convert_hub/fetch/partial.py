"""A file that is on its way: its bytes so far on disk, and the hash of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from mlx_convert_core.plugin import FileInfo, open_regular

BLOCK = 1 << 20


class PartialFile:
    """The bytes of ``file`` that have arrived at ``path``; takes up what an earlier run left there.

    Every byte is on its way to the disk before it counts, so a process that is killed loses none.
    """

    def __init__(self, path: Path, file: FileInfo, check: Callable[[], None]) -> None:
        self.path = path
        self._file = file
        self._handle = path.open("ab", buffering=0)
        self.size = path.stat().st_size
        self._hash = hasher(file)
        if self.size > file.size:
            self.restart()
        elif self.size:
            _feed(self._hash, path, check)

    def __enter__(self) -> PartialFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.close()

    def append(self, data: bytes) -> None:
        """Add the next bytes."""
        view = memoryview(data)
        while view:
            view = view[self._handle.write(view) :]
        self._hash.update(data)
        self.size += len(data)

    def restart(self) -> int:
        """Throw everything away; the number of bytes that were there."""
        dropped, self.size = self.size, 0
        self._handle.truncate(0)
        self._hash = hasher(self._file)
        return dropped

    @property
    def right(self) -> bool:
        """Whether the bytes are all there and have the hash that was announced."""
        return self.size == self._file.size and self._file.oid in (None, self._hash.hexdigest())


def is_intact(path: Path, file: FileInfo, check: Callable[[], None]) -> bool:
    """Whether ``path`` has the bytes that ``file`` announces."""
    if path.stat().st_size != file.size:
        return False
    digest = hasher(file)
    _feed(digest, path, check)
    return file.oid in (None, digest.hexdigest())


def hasher(file: FileInfo) -> hashlib._Hash:
    """A fresh hash of the kind that ``file.oid`` is: sha256, or git's hash of a file."""
    if file.oid is not None and len(file.oid) == 40:
        return hashlib.sha1(b"blob %d\0" % file.size)
    return hashlib.sha256()


def _feed(digest: hashlib._Hash, path: Path, check: Callable[[], None]) -> None:
    with open_regular(path, within=None) as file:
        while block := file.read(BLOCK):
            check()
            digest.update(block)
