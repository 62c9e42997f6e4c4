"""Weight files of torch (`pytorch_model.bin`): which tensors are in them and where, without running or reading them.

A file is a zip with a pickle that describes the tensors, and a record with the bytes of each storage; several tensors
may share one. Files of torch before 1.6 have the pickle first and the storages one after the other behind it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from mlx_convert_core.base.limits import DIMENSIONS, ELEMENTS, HEADER_BYTES, TENSORS
from mlx_convert_core.base.regular_files import open_regular
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.pickles import Word, Words, unpickled
from mlx_convert_core.model.safetensors import DTYPE_BYTES, LFS_POINTER, TensorInfo, lfs_pointer
from mlx_convert_core.model.torch_archive import MAGIC, Read, damaged, data_start, records

_STORAGES = {
    "torch.FloatStorage": "F32", "torch.HalfStorage": "F16", "torch.BFloat16Storage": "BF16",
    "torch.DoubleStorage": "F64", "torch.LongStorage": "I64", "torch.IntStorage": "I32", "torch.ShortStorage": "I16",
    "torch.CharStorage": "I8", "torch.ByteStorage": "U8", "torch.BoolStorage": "BOOL",
    "torch.ComplexFloatStorage": "C64", "torch.storage.UntypedStorage": "U8",
}  # fmt: skip
_TYPES = {
    "torch.float32": "F32", "torch.float16": "F16", "torch.bfloat16": "BF16", "torch.float64": "F64",
    "torch.int64": "I64", "torch.int32": "I32", "torch.int16": "I16", "torch.int8": "I8", "torch.uint8": "U8",
    "torch.uint16": "U16", "torch.uint32": "U32", "torch.uint64": "U64", "torch.bool": "BOOL",
    "torch.complex64": "C64", "torch.float8_e4m3fn": "F8_E4M3", "torch.float8_e5m2": "F8_E5M2",
    "torch.float8_e4m3fnuz": "F8_E4M3FNUZ", "torch.float8_e8m0fnu": "F8_E8M0",
}  # fmt: skip
_UTILS = "torch._utils._rebuild"
_STARTS = (1 << 17, 1 << 21)  # bytes that are looked at for the pickles of an old file, before `HEADER_BYTES`
_OLD = 0x1950A86A20F9469CFC6C  # what files of torch before 1.6 begin with
_INSIDE = ("state_dict", "model", "module")  # under which training programs keep the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class _Storage:
    """Bytes that tensors lie in, by the name that the pickle gives them; ``count`` values of ``dtype``."""

    key: str
    dtype: str
    count: int

    @property
    def nbytes(self) -> int:
        return self.count * DTYPE_BYTES[self.dtype]


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """A tensor: values of a storage from ``offset`` on, ``strides`` apart."""

    storage: _Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch(path: Path) -> tuple[TensorInfo, ...]:
    """The tensors of a file of torch, in its order, at their places. Raises as `torch_tensors`."""
    with open_regular(path, within=path.parent) as file:
        handle = file.fileno()

        def read(start: int, end: int) -> bytes:
            return os.pread(handle, max(0, end - start), start)

        return torch_tensors(read, os.fstat(handle).st_size, path.name, placed=True)


def torch_tensors(read: Read, size: int, name: str, *, placed: bool) -> tuple[TensorInfo, ...]:
    """The tensors of the file ``name`` of ``size`` bytes. ``placed`` looks where each storage lies, one read for each;
    without it ``start`` and ``end`` count from the beginning of a tensor's own storage.

    Raises CorruptCheckpoint (codes ``pickle_refused``, ``torch_format``, ``corrupt_header``, ``truncated``,
    ``empty_file``, ``lfs_pointer``, ``too_big``).
    """
    if size == 0:
        raise CorruptCheckpoint(
            f"{name} is empty (0 bytes).",
            hint="Download this file again: the last download did not finish.",
            code="empty_file",
        )
    start = read(0, min(size, len(LFS_POINTER)))
    if start.startswith(LFS_POINTER):
        raise lfs_pointer(name, "weights")
    storages: dict[str, _Storage] = {}
    words = _words(storages)
    if start.startswith(MAGIC):
        held, places = _of_zip(read, size, name, words, storages, placed)
    elif start.startswith(b"\x80"):
        held, places = _of_old(read, size, name, words, storages)
    else:
        raise _other_format(name)
    return tuple(_tensor(key, view, places, name) for key, view in _views(held, name).items())


def _of_zip(
    read: Read, size: int, name: str, words: Words, storages: Mapping[str, _Storage], placed: bool
) -> tuple[Any, dict[str, int]]:
    """The value of the pickle in a zip file, and where its storages lie."""
    there = records(read, size, name)
    pickle = there.get("data.pkl")
    if pickle is None:
        raise _other_format(name)
    if pickle.size > HEADER_BYTES:
        raise damaged(name)
    order = there.get("byteorder")
    if order is not None and order.size < 10:
        start = data_start(read, order, name)
        if read(start, start + order.size) != b"little":
            raise _other_format(name)
    start = data_start(read, pickle, name)
    held, _ = unpickled(read(start, start + pickle.size), 0, words, name)
    places = {}
    for key, storage in storages.items():
        record = there.get(f"data/{key}")
        if record is None or record.size < storage.nbytes:
            raise damaged(name)
        places[key] = data_start(read, record, name) if placed else 0
        if places[key] + storage.nbytes > size:
            raise damaged(name)
    return held, places


def _of_old(
    read: Read, size: int, name: str, words: Words, storages: dict[str, _Storage]
) -> tuple[Any, dict[str, int]]:
    """The same of a file of torch before 1.6: five pickles, then each storage behind the number of its values."""
    values, at = _five_pickles(read, size, name, words, storages)
    if values[0] != _OLD:
        raise _other_format(name)
    if not isinstance(values[2], dict) or values[2].get("little_endian") is not True:
        raise _other_format(name)
    places = {}
    for key in values[4] if isinstance(values[4], list) else ():
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None:
            raise damaged(name)
        places[key] = at + 8
        at += 8 + storage.nbytes
    if at > size:
        raise CorruptCheckpoint(
            f"{name} is cut short: it should have {at:,} bytes and has {size:,}.",
            hint=f"Download the missing {at - size:,} bytes: fetch this file again.",
            code="truncated",
        )
    return values[3], places


def _five_pickles(
    read: Read, size: int, name: str, words: Words, storages: dict[str, _Storage]
) -> tuple[list[Any], int]:
    """Magic number, version, system, tensors, order of the storages, and where they end, which nothing says before."""
    for length in (*_STARTS, HEADER_BYTES):
        data = read(0, min(size, length))
        storages.clear()
        values: list[Any] = []
        at = 0
        try:
            while len(values) < 5:
                value, at = unpickled(data, at, words, name)
                values.append(value)
            return values, at
        except CorruptCheckpoint as error:
            if error.code == "pickle_refused" or len(data) < length:
                raise
    raise damaged(name)


def _words(storages: dict[str, _Storage]) -> Words:
    """What the pickles of torch may ask for; ``storages`` takes those that they speak of."""

    def stored(found: Any) -> _Storage:
        kind, word, key, _, count = found[:5]
        if kind != "storage" or not isinstance(word, Word) or not isinstance(key, str) or not _is_count(count):
            raise TypeError
        if len(found) > 5 and found[5] is not None:  # a part of another one, as torch of 2016 knew them
            raise TypeError
        one = _Storage(key=key, dtype=_STORAGES[word.name], count=count)
        if storages.setdefault(key, one) != one:
            raise ValueError
        return one

    made = {
        "collections.OrderedDict": lambda found: dict(found[0]) if found else {},
        "torch.Size": lambda found: tuple(found[0]),
        f"{_UTILS}_tensor": lambda found: _view(found, None),
        f"{_UTILS}_tensor_v2": lambda found: _view(found, None),
        f"{_UTILS}_tensor_v3": lambda found: _view(found, found[6]),
        f"{_UTILS}_parameter": lambda found: _plain_view(found[0]),
        f"{_UTILS}_parameter_with_state": lambda found: _plain_view(found[0]),
    }
    return Words(plain=frozenset({*_STORAGES, *_TYPES}), made=made, stored=stored)


def _view(found: tuple[Any, ...], word: Any) -> _View:
    """What a tensor is made of; raises TypeError and ValueError for what can't be one."""
    storage, offset, shape, strides = found[:4]
    if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise TypeError
    dtype = _TYPES[word.name] if word is not None else storage.dtype
    if len(shape) != len(strides) or len(shape) > DIMENSIONS:
        raise ValueError
    if not all(_is_count(number) for number in (offset, *shape, *strides)):
        raise ValueError
    if prod(shape) > ELEMENTS:
        raise ValueError
    values = storage.nbytes // DTYPE_BYTES[dtype]
    if offset + _reach(shape, strides) > values:
        raise ValueError
    return _View(storage=storage, dtype=dtype, offset=offset, shape=shape, strides=strides)


def _plain_view(found: Any) -> _View:
    if not isinstance(found, _View):
        raise TypeError
    return found


def _is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number <= ELEMENTS


def _reach(shape: Sequence[int], strides: Sequence[int]) -> int:
    """How many values of its storage lie between a tensor's first and behind its last one."""
    if not prod(shape):
        return 0
    return 1 + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))


def _in_order(view: _View) -> bool:
    """Whether a tensor's values lie one after the other."""
    expected = 1
    for length, stride in zip(reversed(view.shape), reversed(view.strides), strict=True):
        if length != 1 and stride != expected:
            return not prod(view.shape)
        expected *= length
    return True


def _views(held: Any, name: str) -> dict[str, _View]:
    """The tensors of what a file holds, by name: at its top, or where training programs keep them."""
    found = _named(held)
    inner = [_named(held[key]) for key in _INSIDE if key in held] if not found and isinstance(held, dict) else []
    views = found or next(filter(None, inner), {})
    if len(views) > TENSORS:
        raise CorruptCheckpoint(
            f"{name} has {len(views):,} tensors; up to {TENSORS:,} in one file are read.",
            hint="No known model needs that much. If this one is real, save it in several files.",
            code="too_big",
        )
    return views


def _named(held: Any) -> dict[str, _View]:
    if not isinstance(held, dict):
        return {}
    return {key: value for key, value in held.items() if isinstance(key, str) and isinstance(value, _View)}


def _tensor(key: str, view: _View, places: Mapping[str, int], name: str) -> TensorInfo:
    width = DTYPE_BYTES[view.dtype]
    if view.storage.key not in places:
        raise damaged(name)
    start = places[view.storage.key] + view.offset * width
    return TensorInfo(
        name=key,
        dtype=view.dtype,
        shape=view.shape,
        shard=name,
        start=start,
        end=start + _reach(view.shape, view.strides) * width,
        strides=() if _in_order(view) else view.strides,
    )


def _other_format(name: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{name} is no weight file of torch, or one of a kind that is not read (TorchScript, big-endian, before 2018).",
        hint="Look for a safetensors version of the model, or download the file again.",
        code="torch_format",
    )
