"""Write planned tensors into shard files, in any order, each at its own place."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

import xxhash

from mlx_convert_core.model.safetensors import TensorInfo
from mlx_convert_core.model.safetensors_layout import Layout, layout
from mlx_convert_core.writing.journal import Journal, Note
from mlx_convert_core.writing.read_back import PartRead, ReadBack, Stamp, exact_stamp

MLX_METADATA = {"format": "mlx"}


CHUNK = 4 << 20
Buffer = bytes | bytearray | memoryview


class ShardWriter:
    """The shard files of one output; headers are written first, from the planned shapes.

    A tensor may be appended in pieces, in order. As a context manager it closes the files.

    With a ``journal`` file the writer notes there which tensors are whole and with what digest. Opened again on a
    folder that was left behind, with the same tensors ``made_from`` the same, it has those whose bytes still
    agree, and only the others need writing.

    With ``read_back`` finished tensors are read again meanwhile, in file order; `read` then says how far that came.
    """

    def __init__(
        self,
        folder: Path,
        tensors: Iterable[TensorInfo],
        metadata: dict[str, str] | None = None,
        *,
        journal: Path | None = None,
        made_from: str = "",
        read_back: bool = False,
    ) -> None:
        tensors = tuple(tensors)
        self._folder = folder
        self._handles: dict[str, int] = {}
        self._stamps: dict[str, Stamp | None] = {}
        self._writing = threading.Lock()
        self._layouts = layouts(tensors, metadata or MLX_METADATA)
        self._shards = {tensor.name: tensor.shard for tensor in tensors}
        self._missing = {tensor.name: tensor.nbytes for tensor in tensors}
        self._next = {name: offset for plan in self._layouts.values() for name, offset in plan.offsets.items()}
        self._hashes: dict[str, xxhash.xxh3_128] = {}
        self._total = sum(self._missing.values())
        self._done = 0
        self._whole = 0
        self._taken_up: set[str] = set()
        self._not_finite: dict[str, int] = {}
        self._overflowed: dict[str, int] = {}
        self._journal = Journal(journal, self._fingerprint(made_from)) if journal is not None else None
        self._reader = ReadBack(folder, self._layouts, self._digest) if read_back else None
        self.read: dict[str, PartRead] = {}

    def __enter__(self) -> ShardWriter:
        noted = self._journal.open() if self._journal is not None else {}
        if self._journal is not None and not noted:
            for stale in self._folder.glob("*.safetensors"):
                stale.unlink()
        for shard, plan in self._layouts.items():
            handle = os.open(self._folder / shard, os.O_RDWR | os.O_CREAT, 0o644)
            self._handles[shard] = handle
            _write_at(handle, plan.header, 0)
            os.ftruncate(handle, plan.file_bytes)
        self._take_up(noted)
        if self._reader is not None:
            self._stamps = {shard: exact_stamp(os.fstat(handle)) for shard, handle in self._handles.items()}
            self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()
        if self._journal is not None:
            self._journal.close()
        if self._reader is not None:
            self.read = self._reader.stop(self._stamps)

    @property
    def digests(self) -> dict[str, str]:
        """The xxh3-128 (hex) of every tensor that was written whole, of its bytes as they were handed in."""
        return {name: digest.hexdigest() for name, digest in self._hashes.items() if not self._missing[name]}

    @property
    def progress(self) -> tuple[int, int, int, int]:
        """Bytes written, bytes in all, tensors written whole, tensors in all."""
        return self._done, self._total, self._whole, len(self._missing)

    def has(self, *names: str) -> bool:
        """Whether each of these tensors was written whole."""
        return all(not self._missing[name] and name in self._hashes for name in names)

    @property
    def not_finite(self) -> dict[str, int]:
        """How many values behind each tensor are NaN or infinite, as far as `write` was told; none left out is 0."""
        return {name: count for name, count in self._not_finite.items() if count}

    @property
    def overflowed(self) -> dict[str, int]:
        """How many values of each tensor are NaN or infinite only here, likewise."""
        return {name: count for name, count in self._overflowed.items() if count}

    def write(self, name: str, data: Buffer, *, not_finite: int = 0, overflowed: int = 0) -> None:
        """Append contiguous little-endian bytes to a tensor; different tensors may come from different threads.

        ``not_finite`` values that they were made of were no numbers, ``overflowed`` ones have become none. What was
        taken up from an earlier writer is not written again.
        """
        if name in self._taken_up:
            return
        self._not_finite[name] = self._not_finite.get(name, 0) + not_finite
        self._overflowed[name] = self._overflowed.get(name, 0) + overflowed
        view = memoryview(data).cast("B")
        if view.nbytes > self._missing[name]:
            raise ValueError(f"{view.nbytes - self._missing[name]} bytes too many for {name}")
        self._put(self._shards[name], view, self._next[name])
        self._count(name, view)
        if self._journal is not None and not self._missing[name]:
            digest = self._hashes[name].hexdigest()
            self._journal.note(name, Note(digest, self._not_finite[name], self._overflowed[name]))
        if self._reader is not None and not self._missing[name]:
            self._reader.look()

    def _put(self, shard: str, data: memoryview, offset: int) -> None:
        """Write, and notice when somebody else has changed the file since our last write: what was read is void."""
        handle = self._handles[shard]
        if self._reader is None:
            _write_at(handle, data, offset)
            return
        with self._writing:
            ours = self._stamps[shard] == exact_stamp(os.fstat(handle))
            _write_at(handle, data, offset)
            self._stamps[shard] = exact_stamp(os.fstat(handle)) if ours else None

    def _count(self, name: str, view: memoryview) -> None:
        self._hashes.setdefault(name, xxhash.xxh3_128()).update(view)
        self._next[name] += view.nbytes
        self._missing[name] -= view.nbytes
        self._done += view.nbytes
        self._whole += not self._missing[name]

    def _digest(self, name: str) -> str:
        return self._hashes[name].hexdigest() if self.has(name) else ""

    def _fingerprint(self, made_from: str) -> str:
        headers = b"".join(plan.header for plan in self._layouts.values())
        return xxhash.xxh3_128_hexdigest(made_from.encode() + headers)

    def _take_up(self, noted: Mapping[str, Note]) -> None:
        """Count the tensors of an earlier writer whose bytes are still what it noted."""
        for name, note in noted.items():
            if name not in self._missing or self.has(name):
                continue
            found = self._digest_of(name)
            if found.hexdigest() == note.digest:
                self._not_finite[name], self._overflowed[name] = note.not_finite, note.overflowed
                self._taken_up.add(name)
                self._hashes[name] = found
                self._done += self._missing[name]
                self._next[name] += self._missing[name]
                self._missing[name] = 0
                self._whole += 1

    def _digest_of(self, name: str) -> xxhash.xxh3_128:
        digest = xxhash.xxh3_128()
        start, end = self._next[name], self._next[name] + self._missing[name]
        for offset in range(start, end, CHUNK):
            digest.update(os.pread(self._handles[self._shards[name]], min(CHUNK, end - offset), offset))
        return digest


def layouts(tensors: Iterable[TensorInfo], metadata: dict[str, str]) -> dict[str, Layout]:
    """The layout of every shard file, by its name, in order."""
    shards: dict[str, list[TensorInfo]] = {}
    for tensor in tensors:
        shards.setdefault(tensor.shard, []).append(tensor)
    return {shard: layout(members, metadata) for shard, members in shards.items()}


def split(tensors: Iterable[TensorInfo], limit: int) -> tuple[list[TensorInfo], ...]:
    """Group tensors, in order, into shards of at most ``limit`` bytes; one larger than that stands alone."""
    groups: list[list[TensorInfo]] = []
    size = 0
    for tensor in tensors:
        if not groups or size + tensor.nbytes > limit:
            groups.append([])
            size = 0
        groups[-1].append(tensor)
        size += tensor.nbytes
    return tuple(groups)


def _write_at(handle: int, data: Buffer, offset: int) -> None:
    view = memoryview(data).cast("B")
    while view.nbytes:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written
