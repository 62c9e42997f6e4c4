"""The weight files of a checkpoint, read by rows as they arrive, and watched for changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from mlx_convert_core.plugin import (
    Checkpoint,
    CorruptCheckpoint,
    DecodedTensor,
    TensorDecoder,
    TensorInfo,
    file_names,
    open_regular,
    read_tensors,
    stamp_of,
)
from mlx_convert_engine.decoders import DecodedBytes
from mlx_convert_engine.stand_in import TensorPlace
from mlx_convert_engine.strided import read_strided


class SourceFiles:
    """The bytes of ``tensors`` in ``checkpoint``, and of those that ``decoders`` show of them. As a context
    manager it closes the files, and, when all went well, makes sure that nobody changed them meanwhile
    (CorruptCheckpoint, code ``source_changed``).

    ``places`` are the tensors that are empty in the folder that a model class has last been given, by name."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        tensors: Iterable[TensorInfo],
        check_cancelled: Callable[[], None],
        decoders: Mapping[DecodedTensor, TensorDecoder] | None = None,
    ) -> None:
        self.places: dict[str, TensorPlace] = {}
        self._decoded = DecodedBytes(decoders or {}, _Stored(self))
        self._checkpoint = checkpoint
        self._check_cancelled = check_cancelled
        self._expected: dict[str, list[TensorInfo]] = {}
        for tensor in tensors:
            self._expected.setdefault(tensor.shard, []).append(tensor)
        self._shifts: dict[str, int] = {}
        self._handles: dict[str, BinaryIO] = {}
        self._paths: dict[str, Path] = {}
        self._stamps: dict[Path, tuple[int, int] | None] = {}

    def __enter__(self) -> SourceFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles.values():
            handle.close()
        self._handles.clear()
        if error is None:
            self._check_unchanged()

    def read(self, tensor: TensorInfo, start: int, into: memoryview) -> None:
        """Fill ``into`` with the bytes of ``tensor`` from ``start`` on, once its file is there.

        Raises CorruptCheckpoint when the file ends early or is not what was inspected.
        """
        if isinstance(tensor, DecodedTensor):
            self._decoded.read(tensor, start, into)
            return
        handle = self._handle(tensor.shard)
        shift = self._shifts.get(tensor.name, 0)

        def read_at(position: int, buffer: memoryview) -> None:
            done = 0
            while done < buffer.nbytes:
                got = os.preadv(handle, [buffer[done:]], position + shift + done)
                if not got:
                    raise changed(tensor.shard)
                done += got

        if tensor.strides:
            read_strided(tensor, start, into, read_at)
        else:
            read_at(tensor.start + start, into)

    def path(self, shard: str) -> Path:
        """Where a weight file is, once it is there and found to be what was inspected."""
        if shard not in self._paths:
            path = self._checkpoint.shard(shard, self._check_cancelled)
            self._stamps[path] = stamp_of(path)
            self._check(shard, read_tensors(path))
            self._paths[shard] = path
        return self._paths[shard]

    def release(self, shard: str) -> None:
        """Say that a weight file is needed no more; raises CorruptCheckpoint when it was changed meanwhile."""
        path = self._paths.pop(shard, None)
        if path is not None and stamp_of(path) != self._stamps.pop(path):
            raise changed(shard)
        if shard in self._handles:
            self._handles.pop(shard).close()
        self._checkpoint.release(shard)

    def _check(self, shard: str, found: tuple[TensorInfo, ...]) -> None:
        """Raise CorruptCheckpoint unless a file holds what was expected of it.

        Where each tensor of a file of torch lies may have been told from afar only within its own storage.
        """
        expected = self._expected[shard]
        if shard.endswith(file_names.SAFETENSORS):
            if sorted(found, key=_place) != sorted(expected, key=_place):
                raise changed(shard)
            return
        here = {tensor.name: tensor for tensor in found}
        for tensor in expected:
            one = here.pop(tensor.name, tensor)
            self._shifts[tensor.name] = one.start - tensor.start
            if _without_place(one) != _without_place(tensor):
                raise changed(shard)
        if here or len(found) != len(expected):
            raise changed(shard)

    def _handle(self, shard: str) -> int:
        if shard not in self._handles:
            path = self.path(shard)
            self._handles[shard] = open_regular(path, within=path.parent)
        return self._handles[shard].fileno()

    def _check_unchanged(self) -> None:
        for path, stamp in self._stamps.items():
            if stamp_of(path) != stamp:
                raise changed(path.name)


class _Stored:
    """What a decoder reads from. Implements StoredTensors."""

    def __init__(self, files: SourceFiles) -> None:
        self._files = files

    def read(self, tensor: TensorInfo, start: int, stop: int) -> memoryview:
        """See StoredTensors."""
        data = memoryview(bytearray(stop - start))
        self._files.read(tensor, start, data)
        return data


def changed(shard: str) -> CorruptCheckpoint:
    """The error for a weight file that is not what was inspected any more."""
    return CorruptCheckpoint(
        f"{shard} was changed or cut short while it was being read.",
        hint="Wait until whatever writes to the source is done, and run it again.",
        code="source_changed",
    )


def _without_place(tensor: TensorInfo) -> tuple[object, ...]:
    return tensor.name, tensor.dtype, tensor.shape, tensor.strides, tensor.end - tensor.start


def _place(tensor: TensorInfo) -> tuple[int, int, str]:
    return tensor.start, tensor.end, tensor.name
