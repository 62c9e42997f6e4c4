"""Tensors whose values don't lie one after the other in their file: a part of another one, or one that was turned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from mlx_convert_core.plugin import TensorInfo

READ_AT_ONCE = 1 << 20  # bytes of a file read for less than a quarter of them, rather than value by value

ReadAt = Callable[[int, memoryview], None]
"""Fills a buffer with a file's bytes from a position on."""


def read_strided(tensor: TensorInfo, start: int, into: memoryview, read: ReadAt) -> None:
    """Fill ``into`` with the bytes of ``tensor`` from ``start`` on, as if they lay in order: whole values."""
    import numpy as np

    width = tensor.nbytes // tensor.parameters
    values = np.frombuffer(into, np.dtype(f"V{width}"))
    strides = tuple(stride * width for stride in tensor.strides)
    first = start // width
    _Part(read, width).some(tensor.start, tensor.shape, strides, first, first + len(values), values)


class _Part:
    """Reads parts of a tensor of values of ``width`` bytes; strides and positions count bytes."""

    def __init__(self, read: ReadAt, width: int) -> None:
        self._read = read
        self._width = width

    def some(self, at: int, shape: Sequence[int], strides: Sequence[int], first: int, stop: int, into: Any) -> None:
        """The values from ``first`` to ``stop``, counted through all axes in order."""
        if first >= stop:
            return
        if (first, stop) == (0, prod(shape)):
            self.all(at, shape, strides, into.reshape(shape))
            return
        inner = prod(shape[1:])
        whole, end = -(-first // inner), stop // inner
        if whole > end:  # within one row
            self._within(at, shape, strides, first, stop, into)
            return
        head, tail = whole * inner - first, stop - end * inner
        self._within(at, shape, strides, first, first + head, into[:head])
        body = into[head : len(into) - tail]
        self.some(at + whole * strides[0], (end - whole, *shape[1:]), strides, 0, len(body), body)
        self._within(at, shape, strides, stop - tail, stop, into[len(into) - tail :])

    def _within(self, at: int, shape: Sequence[int], strides: Sequence[int], first: int, stop: int, into: Any) -> None:
        if first < stop:
            row, inner = divmod(first, prod(shape[1:]))
            self.some(at + row * strides[0], shape[1:], strides[1:], inner, inner + stop - first, into)

    def all(self, at: int, shape: Sequence[int], strides: Sequence[int], into: Any) -> None:
        """A whole block: read at once where its values lie close enough, else along its widest axis."""
        import numpy as np

        reach = [(length - 1) * stride for length, stride in zip(shape, strides, strict=True)]
        span = sum(reach) + self._width
        if span <= max(4 * into.nbytes, READ_AT_ONCE if into.nbytes * 1024 > span else 0):
            data = np.empty(span, np.uint8)
            self._read(at, memoryview(data))
            into[...] = np.ndarray(tuple(shape), into.dtype, data, strides=tuple(strides))
            return
        axis = max(range(len(shape)), key=reach.__getitem__)
        rest, steps = (*shape[:axis], *shape[axis + 1 :]), (*strides[:axis], *strides[axis + 1 :])
        for index in range(shape[axis]):
            self.all(at + index * strides[axis], rest, steps, into[(slice(None),) * axis + (index, ...)])
