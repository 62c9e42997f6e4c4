"""The safetensors format: read a header and distrust it. `safetensors_layout` lays out a new file.

Format: eight bytes little-endian header length, a JSON object, then the tensors' bytes.
Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec

from mlx_convert_core.base import units
from mlx_convert_core.base.codec import decoder
from mlx_convert_core.base.limits import ALL_TENSORS, DIMENSIONS, ELEMENTS, HEADER_BYTES, METADATA_BYTES, TENSORS
from mlx_convert_core.base.regular_files import open_regular
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.remedies import RunElsewhere

DTYPE_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1,
    "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4,
    "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
DTYPE_BITS = {name: 8 * width for name, width in DTYPE_BYTES.items()} | {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
_REFERENCE_BYTES = 100_000_000  # what the reference implementation takes for a header; beyond, it is none
LFS_POINTER = b"version https://git-lfs"
_OTHER_COLONS = 10_000  # in metadata, and in odd names
_ENTRY_BYTES = 10_000  # of what a header says of one tensor; 32 numbers of 20 digits are 700
_SHOWN = 200  # characters of a name


class TensorInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tensor as a header describes it; ``start`` and ``end`` are byte offsets in the file ``shard``.

    ``strides`` say how many values apart neighbours along each axis lie, () where all lie one after the other.

    There may be two hundred thousand: a Struct is made in a tenth of the time of a dataclass, and `replace` copies one.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    shard: str = ""
    start: int = 0
    end: int = 0
    strides: tuple[int, ...] = ()

    def replace(self, **fields: Any) -> Self:
        """The same with some ``fields`` changed."""
        return msgspec.structs.replace(self, **fields)

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor's data."""
        return prod(self.shape) * DTYPE_BITS[self.dtype] // 8

    @property
    def parameters(self) -> int:
        """Number of values."""
        return prod(self.shape)

    @property
    def shards(self) -> tuple[str, ...]:
        """The files that hold its bytes."""
        return (self.shard,)


def read_header(path: Path) -> tuple[TensorInfo, ...]:
    """The tensors of a safetensors file, in file order.

    Raises CorruptCheckpoint (codes ``empty_file``, ``lfs_pointer``, ``corrupt_header``, ``truncated``).
    """
    header, size = _read(path)
    return parse_header(header, size, path.name)


def read_metadata(path: Path) -> Mapping[str, str]:
    """The texts beside the tensors in a file's header, {} without any; raises what `read_header` raises."""
    header, _ = _read(path)
    try:
        texts = decoder(_Head).decode(header).texts
        return msgspec.json.decode(texts, type=dict[str, str]) if len(memoryview(texts)) <= METADATA_BYTES else {}
    except msgspec.ValidationError:
        return {}
    except (ValueError, RecursionError):
        raise _not_safetensors(path.name) from None


class _Head(msgspec.Struct):
    texts: msgspec.Raw = msgspec.field(name="__metadata__", default_factory=lambda: msgspec.Raw(b"{}"))


def _read(path: Path) -> tuple[bytes, int]:
    """The JSON header of a file, and the file's size."""
    with open_regular(path, within=path.parent) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(len(LFS_POINTER))
        length = header_length(start, size, path.name)
        file.seek(8)
        return file.read(length), size


def header_length(start: bytes, file_size: int, name: str) -> int:
    """Bytes of the JSON header, from a file's first bytes; raises CorruptCheckpoint as `read_header`."""
    if file_size == 0:
        raise CorruptCheckpoint(
            f"{name} is empty (0 bytes).",
            hint="Download this file again: the last download did not finish.",
            code="empty_file",
        )
    if start.startswith(LFS_POINTER):
        raise lfs_pointer(name, "weights")
    length = int.from_bytes(start[:8], "little")
    if file_size < 8 or not 2 <= length <= _REFERENCE_BYTES:
        raise _not_safetensors(name)
    if 8 + length > file_size:
        raise CorruptCheckpoint(
            f"{name} has {file_size:,} bytes, but its header alone claims {length:,}.",
            hint="The file is cut short or is no safetensors file. Download it again.",
            code="truncated",
        )
    if length > HEADER_BYTES:
        raise _too_much(name, f"has a header of {units.size(length)}; up to {units.size(HEADER_BYTES)} are read")
    return length


def lfs_pointer(name: str, what: str) -> CorruptCheckpoint:
    """The error for the file ``name`` that is a note of Git LFS in place of the ``what`` (``weights``)."""
    return CorruptCheckpoint(
        f"{name} is a Git LFS pointer, not the {what} themselves.",
        hint="The folder was cloned without Git LFS: have that fetch its files, or give the repo id instead.",
        remedies=(RunElsewhere("git lfs pull"),),
        code="lfs_pointer",
    )


def parse_header(header: bytes, file_size: int, name: str) -> tuple[TensorInfo, ...]:
    """The tensors that the JSON ``header`` of a file of ``file_size`` bytes describes, in file order.

    A large one is decoded entry by entry: decoded at once, it would keep every other thread waiting for a second.
    """
    base = 8 + len(header)
    try:
        found = [_tensor(key, entry, base, name) for key, entry in _entries(header, name)]
    except (ValueError, RecursionError):
        raise _not_safetensors(name) from None
    places = [(tensor.start, tensor.end) for tensor in found]
    tensors = tuple(found[index] for index in sorted(range(len(found)), key=places.__getitem__))
    _check_offsets(tensors, base, file_size, name)
    return tensors


_Number = Annotated[int, msgspec.Meta(ge=0, le=ELEMENTS)]


class _Entry(msgspec.Struct, gc=False):
    """An entry as it stands there."""

    dtype: str
    shape: tuple[_Number, ...]
    data_offsets: tuple[_Number, _Number]


def all_tensors(headers: Iterable[Iterable[TensorInfo]], name: str) -> tuple[TensorInfo, ...]:
    """The tensors of all weight files of the checkpoint ``name``.

    Raises CorruptCheckpoint (code ``too_big``) when they are too many.
    """
    found: list[TensorInfo] = []
    for tensors in headers:
        found += tensors
        if len(found) > ALL_TENSORS:
            raise _too_much(name, f"has more than {ALL_TENSORS:,} tensors, which is what is read of a checkpoint")
    return tuple(found)


def _entries(header: bytes, name: str) -> Iterator[tuple[str, _Entry]]:
    """The tensors' entries, stricter than json: UTF-8 only, no NaN. Raises ValueError, RecursionError.

    Before one is decoded it is known how many there are, and that none is longer than an entry is.
    """
    if header.count(b":") > 4 * TENSORS + _OTHER_COLONS:  # an entry has four
        raise _too_much(name, f"has more than {TENSORS:,} tensors; no more are read in one file")
    raw = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
    metadata = raw.pop("__metadata__", msgspec.Raw(b"{}"))
    if len(memoryview(metadata)) > METADATA_BYTES:
        raise _too_much(name, f"has more than {units.size(METADATA_BYTES)} of text about itself in its header")
    msgspec.json.decode(metadata)  # whatever it says: MLX writes null
    if len(raw) > TENSORS:
        raise _too_much(name, f"has {len(raw):,} tensors; up to {TENSORS:,} in one file are read")
    decode = decoder(_Entry).decode
    for key, entry in raw.items():
        if len(memoryview(entry)) > _ENTRY_BYTES:
            raise _lying(name, key)
        yield key, decode(entry)


def _tensor(key: str, entry: _Entry, base: int, name: str) -> TensorInfo:
    (start, end), shape, dtype = entry.data_offsets, entry.shape, entry.dtype
    bits = _bits(dtype, shape)
    if bits is None:
        raise _lying(name, key)
    if dtype not in DTYPE_BITS:
        raise CorruptCheckpoint(
            f"{name}: tensor {key[:_SHOWN]} has the dtype {dtype!r:.{_SHOWN}}, which is not known here.",
            hint="The file was made by a newer tool, or is damaged. Download it again.",
            code="corrupt_header",
        )
    if 8 * (end - start) != bits:
        raise _lying(name, key)
    return TensorInfo(name=key, dtype=dtype, shape=shape, shard=name, start=base + start, end=base + end)


@lru_cache(maxsize=1024)  # a hundred thousand tensors have a handful of shapes
def _bits(dtype: str, shape: tuple[int, ...]) -> int | None:
    """Bits of a tensor's data, 0 for an unknown type; None for a shape that no file could hold."""
    if len(shape) > DIMENSIONS or not _countable(shape):
        return None
    return prod(shape) * DTYPE_BITS.get(dtype, 0)


def _countable(shape: tuple[int, ...]) -> bool:
    """Whether the number of elements can be told without counting beyond what any file could hold."""
    elements = 1
    for length in shape:
        if length and elements > ELEMENTS // length:
            return False
        elements *= length
    return True


def _check_offsets(tensors: tuple[TensorInfo, ...], base: int, file_size: int, name: str) -> None:
    expected = base
    for tensor in tensors:
        if tensor.start != expected:
            raise _lying(name, tensor.name)
        expected = tensor.end
    if expected > file_size:
        raise CorruptCheckpoint(
            f"{name} is cut short: it should have {expected:,} bytes and has {file_size:,}.",
            hint=f"Download the missing {expected - file_size:,} bytes: fetch this file again.",
            code="truncated",
        )
    if expected < file_size:
        raise CorruptCheckpoint(
            f"{name} has {file_size - expected:,} bytes more than its header accounts for.",
            hint="The file is damaged. Download it again.",
            code="corrupt_header",
        )


def _too_much(name: str, what: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{name} {what}.",
        hint="No known model needs that much. If this one is real, save it in several files.",
        code="too_big",
    )


def _lying(name: str, key: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{name}: the header's offsets for tensor {key[:_SHOWN]} don't fit its shape and its neighbours.",
        hint="The file is damaged. Download it again.",
        code="corrupt_header",
    )


def _not_safetensors(name: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{name} is not a safetensors file.",
        hint="It may be an error page saved under this name. Download it again.",
        code="corrupt_header",
    )
