"""Good checkpoints, and ways to make odd ones of them: by their tensors, config.json and tokenizer files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlx_convert_core.plugin import ShardWriter, TensorInfo, read_header
from mlx_convert_core.testing import write_tiny_checkpoint

TYPES = {"F64": "<f8", "F32": "<f4", "BF16": "<u2", "F8_E4M3": "<u1", "I32": "<i4", "I64": "<i8"}


class Stored(NamedTuple):
    """A tensor as a file holds it; ``dtype`` is safetensors' name."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


Tensors = dict[str, Stored]


def write_llama(folder: Path, **config: Any) -> Path:
    """Write a random llama of two layers, with a head of its own, whose attention is sharp: places matter to it."""
    write_tiny_checkpoint(folder, tie_word_embeddings=False, **config)
    tensors = tensors_of(folder)
    for name in [name for name in tensors if name.endswith(("q_proj.weight", "k_proj.weight"))]:
        tensors[name] = bfloat16(floats(tensors[name]) * 8)
    tensors["lm_head.weight"] = bfloat16(floats(tensors["model.embed_tokens.weight"])[::-1])
    write_tensors(folder, tensors)
    return folder


def tensors_of(folder: Path) -> Tensors:
    """Every tensor of a checkpoint."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        content = path.read_bytes()
        found |= {
            tensor.name: Stored(tensor.dtype, tensor.shape, content[tensor.start : tensor.end])
            for tensor in read_header(path)
        }
    return found


def write_tensors(folder: Path, tensors: Tensors, shard: str = "model.safetensors") -> None:
    """Make ``tensors`` the checkpoint's only ones, in one file; an index goes."""
    for path in [*folder.glob("*.safetensors"), *folder.glob("*.index.json")]:
        path.unlink()
    add_shard(folder, tensors, shard)


def add_shard(folder: Path, tensors: Tensors, shard: str) -> None:
    """Write one file of weights more."""
    infos = [TensorInfo(name=name, dtype=one.dtype, shape=one.shape, shard=shard) for name, one in tensors.items()]
    with ShardWriter(folder, infos, {"format": "pt"}) as writer:
        for name, tensor in tensors.items():
            writer.write(name, tensor.data)


def rename_tensors(folder: Path, renamed: Callable[[str], str]) -> None:
    """Give each tensor the name that ``renamed`` makes of its own."""
    write_tensors(folder, {renamed(name): tensor for name, tensor in tensors_of(folder).items()})


def change_config(folder: Path, *without: str, **fields: Any) -> None:
    """Set fields of config.json, and leave others out."""
    change_json(folder / "config.json", *without, **fields)


def change_json(path: Path, *without: str, **fields: Any) -> None:
    """Set fields of a JSON object in a file, and leave others out."""
    content = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in content.items() if key not in without}))


def floats(tensor: Stored) -> npt.NDArray[np.float32]:
    """The numbers of a bfloat16 tensor."""
    bits = np.frombuffer(tensor.data, TYPES["BF16"]).astype(np.uint32) << 16
    return bits.view(np.float32).reshape(tensor.shape)


def bfloat16(values: npt.NDArray[np.float32]) -> Stored:
    """Numbers as bfloat16, cut, not rounded."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16
    return Stored("BF16", values.shape, bits.astype(TYPES["BF16"]).tobytes())


def stored(dtype: str, values: Any) -> Stored:
    """Numbers as any other type; those of ``F8_E4M3`` are its codes."""
    array = np.asarray(values, TYPES[dtype])
    return Stored(dtype, array.shape, array.tobytes())


SCALE = 2.0**-11  # 448, the largest number of eight bits, becomes 0.2
Scales = Callable[[str, tuple[int, ...]], Tensors]


def eight_bit_twins(tensors: Tensors, scales: Scales) -> tuple[Tensors, Tensors]:
    """Two twins of a checkpoint: its projections as 8-bit floats, with ``scales`` beside, and the same in bfloat16.

    ``scales`` makes the tensors that go with the weight of a name and shape. Every scale is `SCALE`, a power of two, so
    that the twins are equal to the bit.
    """
    packed, plain = dict(tensors), dict(tensors)
    numbers = np.random.default_rng(3)
    for name, tensor in tensors.items():
        if len(tensor.shape) == 2 and name.endswith("_proj.weight") and tensor.dtype == "BF16":
            codes = (numbers.integers(0, 120, tensor.shape) + numbers.integers(0, 2, tensor.shape) * 128).astype(
                np.uint8
            )
            packed |= {name: stored("F8_E4M3", codes)} | scales(name, tensor.shape)
            plain[name] = bfloat16(_meaning(codes) * np.float32(SCALE))
    return packed, plain


def _meaning(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What codes of E4M3 stand for: a sign, four bits of exponent (bias 7) and three of mantissa."""
    sign, exponent, mantissa = codes >> 7, codes >> 3 & 15, (codes & 7) / 8
    size = np.where(exponent == 0, mantissa * 2.0**-6, (1 + mantissa) * 2.0 ** (exponent.astype(int) - 7))
    return np.where(sign == 1, -size, size).astype(np.float32)
