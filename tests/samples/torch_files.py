"""Weight files as `torch.save` writes them, made without torch: the pickle by hand, the zip by its layout."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlx_convert_core.plugin import TensorInfo, read_header

STORAGES = {
    "F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage", "F64": "DoubleStorage",
    "I64": "LongStorage", "U8": "ByteStorage",
}  # fmt: skip
MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class Tensor:
    """A tensor of a file: values of the storage ``key`` from ``offset`` on, ``strides`` apart."""

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    key: str
    offset: int = 0


def in_order(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of values that lie one after the other."""
    return tuple(int(np.prod(shape[axis + 1 :], dtype=int)) for axis in range(len(shape)))


def torch_zip(tensors: Mapping[str, Tensor], storages: Mapping[str, bytes], pickle: bytes | None = None) -> bytes:
    """A file of torch 1.6 and later; ``pickle`` takes the place of the list of its tensors."""
    written, directory = bytearray(), bytearray()
    records = {
        "data.pkl": pickle if pickle is not None else described(tensors, storages),
        "byteorder": b"little",
        **{f"data/{key}": data for key, data in storages.items()},
        "version": b"3\n",
    }
    for name, data in records.items():
        path, at = f"archive/{name}".encode(), len(written)
        room = -(at + 30 + len(path) + 4) % 64
        numbers = struct.pack("<HHHIIIHH", 0, 0, 0, zlib.crc32(data), len(data), len(data), len(path), room + 4)
        written += b"PK\x03\x04" + struct.pack("<HH", 0, 0) + numbers + path + struct.pack("<HH", 0x4246, room)
        written += b"Z" * room + data
        about = struct.pack("<HHHHHHIIIHHHHHII", 0, 0, 0, 0, 0, 0, zlib.crc32(data), len(data), len(data), len(path),
                            0, 0, 0, 0, 0, at)  # fmt: skip
        directory += b"PK\x01\x02" + about + path
    end = struct.pack("<HHHHIIH", 0, 0, len(records), len(records), len(directory), len(written), 0)
    return bytes(written + directory + b"PK\x05\x06" + end)


def torch_old(tensors: Mapping[str, Tensor], storages: Mapping[str, bytes]) -> bytes:
    """A file of torch before 1.6: pickles one after the other, then the storages."""
    magic = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."
    version = b"\x80\x02M" + struct.pack("<H", 1001) + b"."
    system = b"\x80\x02}" + text("little_endian") + b"\x88s."
    keys = b"\x80\x02](" + b"".join(map(text, storages)) + b"e."
    dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
    stored = b"".join(
        struct.pack("<q", len(data) // _width(dtypes[key])) + data for key, data in storages.items() if key in dtypes
    )
    return magic + version + system + described(tensors, storages, old=True) + keys + stored


def described(tensors: Mapping[str, Tensor], storages: Mapping[str, bytes], *, old: bool = False) -> bytes:
    """The pickle of an OrderedDict of tensors, as torch writes it with protocol 2."""
    items = b"".join(text(name) + _tensor(tensor, storages[tensor.key], old) for name, tensor in tensors.items())
    return b"\x80\x02ccollections\nOrderedDict\n)Rq\x00(" + items + b"u}" + text("_metadata") + b"}sb."


def text(value: str) -> bytes:
    """A str in a pickle."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def as_torch(folder: Path, target: Path, *, shards: int = 1, turned: bool = False, old: bool = False) -> Path:
    """The checkpoint in ``folder`` with files of torch in place of its safetensors.

    ``turned`` stores matrices with columns for rows; what a head and embeddings have alike is stored once.
    """
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors", "*.index.json"))
    tensors = [tensor for path in sorted(folder.glob("*.safetensors")) for tensor in read_header(path)]
    names = [f"pytorch_model-{number:05d}-of-{shards:05d}.bin" for number in range(1, shards + 1)]
    names = ["pytorch_model.bin"] if shards == 1 else names
    index = {}
    for number, name in enumerate(names):
        own = tensors[number * len(tensors) // shards : (number + 1) * len(tensors) // shards]
        index |= dict.fromkeys((tensor.name for tensor in own), name)
        (target / name).write_bytes(_file_of(own, folder, turned=turned, old=old))
    if shards > 1:
        (target / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}))
    return target


def _file_of(tensors: Sequence[TensorInfo], folder: Path, *, turned: bool, old: bool) -> bytes:
    described: dict[str, Tensor] = {}
    keys: dict[bytes, str] = {}
    for tensor in tensors:
        with (folder / tensor.shard).open("rb") as file:
            file.seek(tensor.start)
            values, strides = file.read(tensor.nbytes), in_order(tensor.shape)
        if turned and len(tensor.shape) == 2:
            array = np.frombuffer(values, f"V{_width(tensor.dtype)}").reshape(tensor.shape)
            values, strides = array.T.tobytes(), (1, tensor.shape[0])
        key = keys.setdefault(values, str(len(keys)))
        described[tensor.name] = Tensor(tensor.dtype, tensor.shape, strides, key)
    storages = {key: values for values, key in keys.items()}
    return torch_old(described, storages) if old else torch_zip(described, storages)


def _width(dtype: str) -> int:
    return TensorInfo(name="", dtype=dtype, shape=(1,)).nbytes


def _tensor(tensor: Tensor, stored: bytes, old: bool) -> bytes:
    count = len(stored) // _width(tensor.dtype)
    kind = f"ctorch\n{STORAGES[tensor.dtype]}\n".encode()
    storage = b"(" + text("storage") + kind + text(tensor.key) + text("cpu") + _int(count) + (b"NtQ" if old else b"tQ")
    about = storage + _int(tensor.offset) + _ints(tensor.shape) + _ints(tensor.strides) + b"\x89"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + about + b"ccollections\nOrderedDict\n)RtR"


def _int(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _ints(values: Sequence[int]) -> bytes:
    return b"(" + b"".join(map(_int, values)) + b"t"
