"""Tiny checkpoints in 8-bit floats with a scale for each block, and the same numbers in bfloat16."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from architectures.checkpoints import write_tiny
from mlx_convert_core.plugin import ShardWriter, TensorInfo, read_header

BLOCK = 32  # smaller than what is published, so that a tiny matrix has several
_NOT_PACKED = ("embed", "lm_head", "norm", "conv", "gate.weight", "router")


def write_both(folder: Path, model_type: str) -> tuple[Path, Path]:
    """Write a checkpoint in 8-bit floats, and its plain twin; every matrix of a linear layer is packed."""
    source, plain = write_tiny(folder / "in-8-bits", model_type), write_tiny(folder / "plain", model_type)
    for path in sorted(source.glob("*.safetensors")):
        tensors = read_header(path)
        data = {tensor.name: path.read_bytes()[tensor.start : tensor.end] for tensor in tensors}
        packed, twin = _packed(tensors, data)
        _write(source, packed)
        _write(plain, twin)
    config = json.loads((source / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "fp8", "weight_block_size": [BLOCK, BLOCK]}
    (source / "config.json").write_text(json.dumps(config))
    return source, plain


Stored = list[tuple[TensorInfo, bytes]]


def _packed(tensors: tuple[TensorInfo, ...], data: dict[str, bytes]) -> tuple[Stored, Stored]:
    numbers, packed, twin = np.random.default_rng(17), Stored(), Stored()
    for tensor in tensors:
        if len(tensor.shape) != 2 or tensor.dtype != "BF16" or any(word in tensor.name for word in _NOT_PACKED):
            packed.append((tensor, data[tensor.name]))
            twin.append((tensor, data[tensor.name]))
            continue
        codes = numbers.integers(0, 0x7F, tensor.shape, dtype=np.uint8) | numbers.choice([0, 0x80], tensor.shape)
        blocks = tuple(-(-length // BLOCK) for length in tensor.shape)
        scales = numbers.uniform(1e-4, 3e-4, blocks).astype(np.float32)
        scale = TensorInfo(name=f"{tensor.name}_scale_inv", dtype="F32", shape=blocks, shard=tensor.shard)
        packed += [(tensor.replace(dtype="F8_E4M3"), codes.astype(np.uint8).tobytes()), (scale, scales.tobytes())]
        twin.append((tensor, _expanded(codes.astype(np.int32), scales, tensor.shape).tobytes()))
    return packed, twin


def _expanded(code: Any, scales: Any, shape: tuple[int, ...]) -> Any:
    """The bits of the bfloat16 numbers, by the definition of E4M3 (OCP) and DeepSeek's of blocks: one rounding."""
    exponent, mantissa = (code >> 3) & 15, code & 7
    size = np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7))
    each = scales.repeat(BLOCK, 0)[: shape[0]].repeat(BLOCK, 1)[:, : shape[1]]
    bits = (np.where(code & 128, -size, size).astype(np.float32) * each).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _write(folder: Path, stored: Stored) -> None:
    planned = [tensor for tensor, _ in stored]
    with ShardWriter(folder, planned, {"format": "pt"}) as writer:
        for tensor, data in stored:
            writer.write(tensor.name, data)
