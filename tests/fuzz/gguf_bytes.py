"""A GGUF header from any values: those of a type that the format lacks, and counts that lie, too."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from random import Random
from typing import Any

Field = tuple[str, Any]
Described = tuple[str, list[int], int, int]  # name, sizes, ggml type, offset


def header(random: Random, fields: Iterable[Field], tensors: Iterable[Described]) -> bytes:
    """The header; the numbers' widths are drawn."""
    fields, tensors = list(fields), list(tensors)
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(fields))]
    for name, value in fields:
        parts += _text(name), *_typed(random, value)
    for name, sizes, kind, offset in tensors:
        parts += _text(name), struct.pack("<I", len(sizes)), *(_whole(size) for size in sizes)
        parts += struct.pack("<I", kind & 0xFFFFFFFF), _whole(offset)
    return b"".join(parts)


def _typed(random: Random, value: Any) -> list[bytes]:
    kind, data = _value(random, value)
    return [struct.pack("<I", kind), data]


def _value(random: Random, value: Any) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return 7, bytes([value])
    if isinstance(value, int):
        if random.random() < 0.8 and 0 <= value < 2**32:
            return 4, struct.pack("<I", value)
        return (10, _whole(value)) if value >= 0 else (11, struct.pack("<q", max(value, -(2**63))))
    if isinstance(value, float):
        return 12, struct.pack("<d", value)
    if isinstance(value, list):
        return 9, _list(random, value)
    return 8, _text(str(value))


def _list(random: Random, value: list[Any]) -> bytes:
    """A list of the type that its first item has; others in it are written as zeros of that type."""
    if not value:
        return struct.pack("<IQ", 4, 0)
    kind, first = _value(Random(1), value[0])
    rest = [_value(Random(1), one) for one in value[1:]]
    zero = bytes(8) if kind in (8, 9) else bytes(len(first))
    items = [first, *(data if of == kind else zero for of, data in rest)]
    return struct.pack("<IQ", kind, len(value)) + b"".join(items)


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return _whole(len(data)) + data


def _whole(value: Any) -> bytes:
    return struct.pack("<Q", (value if isinstance(value, int) else 0) & (2**64 - 1))
