"""Write planned tensors into shard files, in any order, each at its own place."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import xxhash

from mlx_convert_core.safetensors import Layout, TensorInfo, layout

MLX_METADATA = {"format": "mlx"}


Buffer = bytes | bytearray | memoryview


class ShardWriter:
    """The shard files of one output; headers are written first, from the planned shapes.

    A tensor may be appended in pieces, in order. As a context manager it closes the files.
    """

    def __init__(self, folder: Path, tensors: Iterable[TensorInfo], metadata: dict[str, str] | None = None) -> None:
        tensors = tuple(tensors)
        self._folder = folder
        self._handles: dict[str, int] = {}
        self._layouts = layouts(tensors, metadata or MLX_METADATA)
        self._shards = {tensor.name: tensor.shard for tensor in tensors}
        self._missing = {tensor.name: tensor.nbytes for tensor in tensors}
        self._next = {name: offset for plan in self._layouts.values() for name, offset in plan.offsets.items()}
        self._hashes: dict[str, xxhash.xxh3_128] = {}

    def __enter__(self) -> ShardWriter:
        for shard, plan in self._layouts.items():
            handle = os.open(self._folder / shard, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            self._handles[shard] = handle
            _write_at(handle, plan.header, 0)
            os.ftruncate(handle, plan.file_bytes)
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    @property
    def digests(self) -> dict[str, str]:
        """The xxh3-128 (hex) of every tensor that was written whole, of its bytes as they were handed in."""
        return {name: digest.hexdigest() for name, digest in self._hashes.items() if not self._missing[name]}

    def write(self, name: str, data: Buffer) -> None:
        """Append contiguous little-endian bytes to a tensor; different tensors may come from different threads."""
        view = memoryview(data).cast("B")
        if view.nbytes > self._missing[name]:
            raise ValueError(f"{view.nbytes - self._missing[name]} bytes too many for {name}")
        _write_at(self._handles[self._shards[name]], view, self._next[name])
        self._hashes.setdefault(name, xxhash.xxh3_128()).update(view)
        self._next[name] += view.nbytes
        self._missing[name] -= view.nbytes


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
