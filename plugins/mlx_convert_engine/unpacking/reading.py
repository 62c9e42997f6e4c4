"""Rows and columns of stored tensors, and the integers in their words, in numpy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlx_convert_core.plugin import StoredTensors, TensorInfo

Array = Any  # of numpy
_NUMPY = {
    "U8": "u1", "I8": "i1", "F8_E4M3": "u1", "F8_E8M0": "u1", "I16": "<i2", "I32": "<u4", "U32": "<u4", "I64": "<i8",
    "F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
READABLE = tuple(_NUMPY)
_SHORT = 64 << 10  # bytes that are read as fast as a few of them


def rows(stored: StoredTensors, tensor: TensorInfo, start: int, stop: int) -> Array:
    """Some rows of ``tensor``, (stop - start, width), all axes but the last counted through; bfloat16 as float32.

    32-bit integers come as words without a sign.
    """
    width = tensor.shape[-1] if tensor.shape else 1
    return values(stored, tensor, start * width, stop * width).reshape(stop - start, width)


def values(stored: StoredTensors, tensor: TensorInfo, start: int, stop: int) -> Array:
    """Some values of ``tensor``, flat."""
    import numpy as np

    kind = np.dtype(_NUMPY[tensor.dtype])
    found = np.frombuffer(stored.read(tensor, start * kind.itemsize, stop * kind.itemsize), kind)
    return (found.astype("<u4") << 16).view("<f4") if tensor.dtype == "BF16" else found


def whole(stored: StoredTensors, tensor: TensorInfo) -> Array:
    """All of ``tensor``, in its shape: for scales and the like."""
    return values(stored, tensor, 0, tensor.parameters).reshape(tensor.shape)


def columns(stored: StoredTensors, tensor: TensorInfo, start: int, stop: int) -> Array:
    """Some columns of a matrix, (rows, stop - start): of each long row only what is wanted is read."""
    import numpy as np

    count, width = tensor.shape
    if (start, stop) == (0, width):
        return whole(stored, tensor)
    short = max(1, _SHORT // max(1, tensor.nbytes // max(1, count)))  # rows that are read whole at once
    found = np.empty((count, stop - start), "<f4" if tensor.dtype == "BF16" else _NUMPY[tensor.dtype])
    for first, last in blocks(count, short):
        if short > 1:
            found[first:last] = rows(stored, tensor, first, last)[:, start:stop]
        else:
            found[first] = values(stored, tensor, first * width + start, first * width + stop)
    return found


def fields(words: Array, bits: int) -> Array:
    """The values of ``bits`` bits in 32-bit ``words`` along the last axis, from the lowest bit on, over their borders:
    (…, words) become (…, words * 32 / bits)."""
    import numpy as np

    *lead, count = words.shape
    if 32 % bits == 0:
        shifts = np.arange(0, 32, bits, dtype=np.uint32)
        return (words[..., None] >> shifts & np.uint32((1 << bits) - 1)).reshape(*lead, -1)
    wide = np.concatenate([words, np.zeros_like(words[..., :1])], axis=-1).astype(np.uint64)
    first = np.arange(0, count * 32 // bits) * bits
    place, shift = first // 32, (first % 32).astype(np.uint64)
    two = wide[..., place] | wide[..., place + 1] << np.uint64(32)
    return (two >> shift & np.uint64((1 << bits) - 1)).astype(np.uint32)


def blocks(total: int, step: int) -> Iterator[tuple[int, int]]:
    """From and to, ``step`` at a time."""
    for start in range(0, total, step):
        yield start, min(start + step, total)
