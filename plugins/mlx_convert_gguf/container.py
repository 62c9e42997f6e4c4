"""The GGUF file format: read its header and distrust it. No weight is read.

Format: magic, version, counts, typed metadata, tensor descriptions, padding, then the tensors' bytes.
Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

`gguf.GGUFReader` (0.19.0) is not used, for it makes an array of each item. The header of the largest vocabulary (18 MB)
takes it 20 s and 1.4 GB, here 0.3 s and 0.1 GB; a list in a file of 60 bytes that claims 2^40 numbers, 3.5 GB in 25 s.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from mlx_convert_core.plugin import CorruptCheckpoint, RunElsewhere, UnsupportedModel, open_regular, units

MAGIC = b"GGUF"
VERSIONS = (2, 3)
# Beyond any real file, and what keeps a garbage one from being walked through. The largest vocabulary (262,000 tokens
# with scores, kinds and 515,000 merges) is 1.3 million items and 16 MB; the longest chat template has 30 kB.
MAX_ITEMS = 13_000_000  # in all lists together
MAX_TEXTS = 5_000_000  # of them, and of fields and tensors, with a name or text; each takes 60 bytes of memory
MAX_TEXT = 1_000_000  # bytes of one text
MAX_HEADER = 100_000_000  # bytes
MAX_DIMENSIONS = 4
MAX_TENSORS = 100_000
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTensor:
    """A tensor of the file ``path``: ``shape`` in rows-first order, ``kind`` its ggml type, ``start`` a byte offset."""

    path: Path
    name: str
    shape: tuple[int, ...]
    kind: int
    start: int
    nbytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """Everything in a GGUF file but the weights; a list of numbers is a memoryview of them, other lists are lists."""

    metadata: Mapping[str, Any]
    tensors: tuple[GgufTensor, ...]


def is_gguf(path: Path) -> bool:
    """Whether the file begins like a GGUF file, whatever its name."""
    try:
        with open_regular(path, within=None) as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, CorruptCheckpoint):
        return False


def read_gguf(path: Path) -> GgufHeader:
    """The header of the file at ``path``.

    Raises CorruptCheckpoint (codes ``empty_file``, ``lfs_pointer``, ``corrupt_header``, ``truncated``) and
    UnsupportedModel for a version or a weight type that can't be read (``gguf_version``, ``gguf_type``).
    """
    with open_regular(path, within=None) as file:
        cursor = _Cursor(file, path.name)
        _check_start(cursor)
        tensor_count, field_count = cursor.numbers("QQ")
        metadata: dict[str, Any] = {}
        for _ in range(field_count):
            key = cursor.text()
            if key in metadata:
                cursor.refuse(f"the field {key} is there twice")
            metadata[key] = _value(cursor, cursor.number("I"))
        if tensor_count > MAX_TENSORS:
            cursor.refuse(f"it claims {tensor_count:,} tensors")
        described = [_described(cursor) for _ in range(tensor_count)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
            cursor.refuse(f"its alignment is {alignment!r}")
        base = -(-cursor.position // alignment) * alignment
        tensors = tuple(_placed(cursor, path, one, base) for one in described)
    _check_places(cursor, tensors)
    return GgufHeader(metadata=metadata, tensors=tensors)


class _Cursor:
    """Reads forward through the header and says so when the file ends first."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self.size = os.fstat(file.fileno()).st_size
        self.position = 0
        self.items = self.texts = 0
        self._file = file

    def count(self, items: int) -> None:
        """Count the items of a list that comes next, before room is made for them."""
        self.items += items
        if self.items > MAX_ITEMS:
            self.refuse(f"its lists claim {self.items:,} items")

    def take(self, length: int) -> bytes:
        """The next ``length`` bytes."""
        if self.position + length > MAX_HEADER:
            self.refuse(f"its header has more than {units.size(MAX_HEADER)}")
        data = self._file.read(length) if self.position + length <= self.size else b""
        if len(data) != length:
            raise truncated(self.name, self.position + length, self.size)
        self.position += length
        return data

    def number(self, code: str) -> Any:
        """The next number, by its struct code."""
        return self.numbers(code)[0]

    def numbers(self, codes: str) -> tuple[Any, ...]:
        """The next numbers, by their struct codes."""
        layout = f"<{codes}"
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def text(self) -> str:
        """The next string; its bytes may be no valid UTF-8 in old files."""
        return self.several(1)[0]

    def several(self, count: int) -> list[str]:
        """The next ``count`` strings; a vocabulary has hundreds of thousands, so that this is the innermost loop."""
        self.texts += count
        if self.texts > MAX_TEXTS:
            self.refuse(f"it claims {self.texts:,} names and texts")
        found: list[str] = []
        read, start, end = self._file.read, self.position, min(self.size, MAX_HEADER)
        for _ in range(count):
            length = int.from_bytes(read(8), "little")
            if length > MAX_TEXT:
                self.refuse(f"a text claims {length:,} bytes")
            start += 8 + length
            if start > end:
                break
            found.append(read(length).decode("utf-8", errors="replace"))
        if len(found) < count:
            self.take(start - self.position)
        self.position = start
        return found

    def refuse(self, problem: str) -> NoReturn:
        """Raise that the header makes no sense."""
        raise CorruptCheckpoint(
            f"{self.name} is a damaged GGUF file: {problem}.", hint="Download it again.", code="corrupt_header"
        )


def _check_start(cursor: _Cursor) -> None:
    name = cursor.name
    if cursor.size == 0:
        raise CorruptCheckpoint(
            f"{name} is empty (0 bytes).",
            hint="Download this file again: the last download did not finish.",
            code="empty_file",
        )
    magic = cursor.take(min(len(MAGIC), cursor.size))
    if magic == b"vers":
        raise CorruptCheckpoint(
            f"{name} is a Git LFS pointer, not the model itself.",
            hint="The folder was cloned without Git LFS: have that fetch its files, or download the file.",
            remedies=(RunElsewhere("git lfs pull"),),
            code="lfs_pointer",
        )
    if magic != MAGIC:
        raise CorruptCheckpoint(
            f"{name} is not a GGUF file.",
            hint="It may be an error page saved under this name, or of the older GGML format. Download it again.",
            code="corrupt_header",
        )
    version = cursor.number("I")
    if version in VERSIONS:
        return
    swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in VERSIONS
    raise UnsupportedModel(
        f"{name} is {'a big-endian GGUF file' if swapped else f'GGUF version {version}'}, which can't be read here.",
        hint="Download a current GGUF file of the model, or convert its original checkpoint.",
        code="gguf_version",
    )


def _value(cursor: _Cursor, kind: int) -> Any:
    if kind in _SCALARS:
        return cursor.number(_SCALARS[kind])
    if kind == _STRING:
        return cursor.text()
    if kind != _ARRAY:
        cursor.refuse(f"a field has the unknown type {kind}")
    item, length = cursor.numbers("IQ")
    cursor.count(length)
    if item in _SCALARS:
        code = _SCALARS[item]  # little-endian in the file, as on every machine that runs MLX
        return memoryview(cursor.take(length * struct.calcsize(f"<{code}"))).cast(code)
    if item != _STRING:
        cursor.refuse(f"a list has items of the type {item}")
    return cursor.several(length)


def _described(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    """Name, shape, type and offset (from the first tensor's start) of the next tensor."""
    name = cursor.text()
    dimensions = cursor.number("I")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        cursor.refuse(f"the tensor {name[:80]} has {dimensions} dimensions")
    sizes = cursor.numbers("Q" * dimensions)
    kind, offset = cursor.numbers("IQ")
    return name, tuple(reversed(sizes)), kind, offset


def _placed(cursor: _Cursor, path: Path, described: tuple[str, tuple[int, ...], int, int], base: int) -> GgufTensor:
    name, shape, kind, offset = described
    values, width = block(kind, name)
    if not all(shape) or shape[-1] % values:
        cursor.refuse(f"the tensor {name[:80]} has the shape {shape}, which its type can't have")
    nbytes = prod(shape) // values * width
    return GgufTensor(path=path, name=name, shape=shape, kind=kind, start=base + offset, nbytes=nbytes)


def _check_places(cursor: _Cursor, tensors: Iterable[GgufTensor]) -> None:
    end, names = 0, set()
    for tensor in sorted(tensors, key=lambda one: one.start):
        if tensor.name in names:
            cursor.refuse(f"the tensor {tensor.name} is there twice")
        if tensor.start < end:
            cursor.refuse(f"the tensor {tensor.name} overlaps its neighbour")
        names.add(tensor.name)
        end = tensor.start + tensor.nbytes
    if end > cursor.size:
        raise truncated(cursor.name, end, cursor.size)


def block(kind: int, name: str = "") -> tuple[int, int]:
    """Values in a block of the ggml type ``kind``, and the bytes that they take.

    Raises UnsupportedModel (``gguf_type``) for a type that can't be turned into numbers.
    """
    import numpy as np
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
    from gguf.quants import dequantize

    try:
        values, width = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
        dequantize(np.zeros((1, width), np.uint8), GGMLQuantizationType(kind))
    except (ValueError, KeyError, NotImplementedError):
        raise UnsupportedModel(
            f"the tensor {name} is stored as ggml type {type_name(kind)}, which can't be turned into numbers here.",
            hint="Take another GGUF file of the model (Q8_0 or F16 are the most exact), or its original checkpoint.",
            code="gguf_type",
        ) from None
    return values, width


def type_name(kind: int) -> str:
    """The name of a ggml type, such as Q4_K."""
    from gguf.constants import GGMLQuantizationType

    try:
        return GGMLQuantizationType(kind).name
    except ValueError:
        return f"number {kind}"


def truncated(name: str, expected: int, found: int) -> CorruptCheckpoint:
    """The error for a file that ends too early."""
    return CorruptCheckpoint(
        f"{name} is cut short: it should have at least {expected:,} bytes and has {found:,}.",
        hint="The download did not finish. Download this file again.",
        code="truncated",
    )
