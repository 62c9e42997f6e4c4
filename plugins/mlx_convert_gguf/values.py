"""The values of a GGUF file's tensors, as numbers, a few rows at a time."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.plugin import open_regular
from mlx_convert_gguf.container import GgufTensor, block, truncated

if TYPE_CHECKING:
    from mlx_convert_gguf.transforms import Values

DECODED_VALUES = 1 << 20  # at once: the gguf library takes up to ten times their memory on the way


class GgufValues:
    """The values of tensors, by rows, in the files that hold them. A context manager: it closes them."""

    def __init__(self) -> None:
        self._files = ExitStack()
        self._handles: dict[Path, int] = {}

    def __enter__(self) -> GgufValues:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()
        self._handles.clear()

    def rows(self, tensor: GgufTensor, start: int, stop: int) -> Values:
        """Rows of a tensor as float32; those of a vector have one value.

        Raises CorruptCheckpoint when the file has become shorter.
        """
        if len(tensor.shape) == 1:
            return self._whole_rows(tensor, 0, 1).reshape(-1, 1)[start:stop]
        return self._whole_rows(tensor, start, stop - start)

    def _whole_rows(self, tensor: GgufTensor, start: int, count: int) -> Values:
        import numpy as np
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize

        values, nbytes = block(tensor.kind)
        width = tensor.shape[-1] // values * nbytes
        kind = GGMLQuantizationType(tensor.kind)
        plain = {GGMLQuantizationType.F32: np.float32, GGMLQuantizationType.F16: np.float16}.get(kind, np.uint8)
        found = np.empty((count, tensor.shape[-1]), np.float32)
        step = max(1, DECODED_VALUES // tensor.shape[-1])
        for at in range(0, count, step):
            rows = min(step, count - at)
            data = self._bytes(tensor, (start + at) * width, rows * width)
            with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told of when it is written
                found[at : at + rows] = dequantize(np.frombuffer(data, dtype=plain).reshape(rows, -1), kind)
        return found

    def _bytes(self, tensor: GgufTensor, start: int, length: int) -> bytearray:
        handle = self._handles.get(tensor.path)
        if handle is None:
            handle = self._files.enter_context(open_regular(tensor.path, within=None)).fileno()
            self._handles[tensor.path] = handle
        position, data = tensor.start + start, bytearray()
        while len(data) < length:
            got = os.pread(handle, length - len(data), position + len(data))
            if not got:
                raise truncated(tensor.path.name, position + length, position + len(data))
            data += got
        return data


def read_values(tensor: GgufTensor) -> list[float]:
    """All values of a small vector."""
    with GgufValues() as values:
        return [float(value) for value in values.rows(tensor, 0, tensor.shape[0]).ravel()]
