"""Read finished tensors back while later ones are still being made, so that little is left to check at the end."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from mlx_convert_core.model.safetensors_layout import Layout

CHUNK = 1 << 20
Stamp = tuple[int, int, int, int]


@dataclass(slots=True)
class PartRead:
    """The first ``position`` bytes of a weight file, found on the disk as they were written, in ``sha256``.

    ``stamp`` is what the file was when we had written to it for the last time, None when somebody else did meanwhile:
    what was read holds for that file only.
    """

    position: int = 0
    sha256: hashlib._Hash = field(default_factory=hashlib.sha256)
    stamp: Stamp | None = None

    def holds(self, path: Path) -> bool:
        """Whether the file is still the one that was read."""
        return self.stamp is not None and exact_stamp_of(path) == self.stamp


class ReadBack:
    """Follows a writer through each file in order, as far as its tensors are whole.

    ``digest_of`` gives the digest of a tensor, "" before it is whole. A difference is left for the check to find.
    """

    def __init__(self, folder: Path, layouts: Mapping[str, Layout], digest_of: Callable[[str], str]) -> None:
        self._folder = folder
        self._layouts = layouts
        self._digest_of = digest_of
        self._parts = {shard: PartRead() for shard in layouts}
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="reading back", daemon=True)

    def start(self) -> None:
        """Begin; the files are there, with their headers."""
        self._thread.start()

    def look(self) -> None:
        """Say that another tensor is whole."""
        with self._changed:
            self._changed.notify()

    def stop(self, stamps: Mapping[str, Stamp | None]) -> dict[str, PartRead]:
        """Stop where it is; what was read of each file, which had these ``stamps`` when it was written."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()
        for shard, part in self._parts.items():
            part.stamp = stamps[shard]
        return self._parts

    def _work(self) -> None:
        with suppress(OSError):  # a file that can't be read is for the check to report
            for shard, layout in self._layouts.items():
                with (self._folder / shard).open("rb", buffering=0) as file:
                    self._follow(file.fileno(), layout, self._parts[shard])

    def _follow(self, handle: int, layout: Layout, part: PartRead) -> None:
        self._take(handle, part, len(layout.header), "")
        ends = [*sorted(layout.offsets.values())[1:], layout.file_bytes]
        for (name, _), end in zip(sorted(layout.offsets.items(), key=lambda item: item[1]), ends, strict=True):
            digest = self._awaited(name)
            if not digest or not self._take(handle, part, end, digest):
                return

    def _awaited(self, name: str) -> str:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._digest_of(name))
            return "" if self._stopped else self._digest_of(name)

    def _take(self, handle: int, part: PartRead, end: int, digest: str) -> bool:
        """Read on to ``end``; False, and nothing taken, when the bytes are not those of ``digest``."""
        sha256, found = part.sha256.copy(), xxhash.xxh3_128()
        for data in _chunks(handle, part.position, end):
            if self._stopped:
                return False
            sha256.update(data)
            found.update(data)
        if digest and found.hexdigest() != digest:
            return False
        part.position, part.sha256 = end, sha256
        return True


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Size and time of change; None when the file is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


def exact_stamp(status: os.stat_result) -> Stamp:
    """Which file it is, its size, and when its bytes and anything about it changed; the last can't be set by a program.

    Two changes within one tick of the file system's clock (up to 10 ms on old Linux kernels) can look like one.
    """
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def exact_stamp_of(path: Path) -> Stamp | None:
    """The `exact_stamp` of a file, None when it is gone."""
    try:
        return exact_stamp(path.stat())
    except FileNotFoundError:
        return None


def _chunks(handle: int, start: int, end: int) -> Iterable[memoryview]:
    buffer = memoryview(bytearray(min(CHUNK, max(end - start, 0))))
    while start < end:
        got = os.preadv(handle, [buffer[: min(CHUNK, end - start)]], start)
        if not got:
            return
        yield buffer[:got]
        start += got
