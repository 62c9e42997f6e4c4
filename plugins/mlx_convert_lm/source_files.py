"""The weight files of a checkpoint, read by rows, and watched for changes."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from mlx_convert_core import CorruptCheckpoint, TensorInfo, read_header

WEIGHTS = "model*.safetensors"


class SourceFiles:
    """The tensors in ``folder`` and their bytes. As a context manager it closes the files, and, when all
    went well, makes sure that nobody changed them meanwhile (CorruptCheckpoint, code ``source_changed``)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handles: dict[str, int] = {}
        paths = sorted(folder.glob(WEIGHTS))
        self._stamps = {path: _stamp(path) for path in paths}
        self.tensors: dict[str, TensorInfo] = {tensor.name: tensor for path in paths for tensor in read_header(path)}

    def __enter__(self) -> SourceFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()
        if error is None:
            self.check_unchanged()

    def read(self, tensor: TensorInfo, start: int, length: int) -> bytearray:
        """``length`` bytes of ``tensor`` from ``start`` on; raises CorruptCheckpoint when the file ends early."""
        data = bytearray(length)
        view = memoryview(data)
        done = 0
        while done < length:
            got = os.preadv(self._handle(tensor.shard), [view[done:]], tensor.start + start + done)
            if not got:
                raise self._changed(tensor.shard)
            done += got
        return data

    def check_unchanged(self) -> None:
        """Raise CorruptCheckpoint when a file is not what it was at the beginning."""
        for path, stamp in self._stamps.items():
            if _stamp(path) != stamp:
                raise self._changed(path.name)

    def _handle(self, shard: str) -> int:
        if shard not in self._handles:
            self._handles[shard] = os.open(self._folder / shard, os.O_RDONLY)
        return self._handles[shard]

    def _changed(self, shard: str) -> CorruptCheckpoint:
        return CorruptCheckpoint(
            f"{shard} was changed or cut short while it was being read.",
            hint="Wait until whatever writes to the source folder is done, and run it again.",
            code="source_changed",
        )


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns
