"""Small adapters in the layouts of peft and mlx-lm, with the model that they make worked out in numpy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlx_convert_core.plugin import ShardWriter, TensorInfo, read_header

Arrays = dict[str, Any]


def write_tensors(path: Path, arrays: Mapping[str, Any]) -> Path:
    """A safetensors file of float32 arrays."""
    tensors = tuple(
        TensorInfo(name=name, dtype="F32", shape=array.shape, shard=path.name) for name, array in arrays.items()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with ShardWriter(path.parent, tensors, {"format": "pt"}) as writer:
        for name, array in arrays.items():
            writer.write(name, memoryview(np.ascontiguousarray(array).view(np.uint8).reshape(-1)))
    return path


def read_tensors_of(folder: Path) -> Arrays:
    """All tensors of the safetensors files in ``folder``, as float32; they are that or bfloat16."""
    found: Arrays = {}
    for path in sorted(folder.glob("*.safetensors")):
        data = path.read_bytes()
        for tensor in read_header(path):
            part = data[tensor.start : tensor.end]
            wide = np.frombuffer(part, "<u2").astype("<u4") << 16 if tensor.dtype == "BF16" else part
            found[tensor.name] = np.frombuffer(wide, "<f4").reshape(tensor.shape).copy()
    return found


def write_adapter(folder: Path, arrays: Mapping[str, Any], **config: Any) -> Path:
    """An adapter of peft."""
    write_tensors(folder / "adapter_model.safetensors", arrays)
    settings = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "base_model_name_or_path": "org/tiny-llama", **config}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


def write_mlx_adapter(folder: Path, arrays: Mapping[str, Any], **config: Any) -> Path:
    """An adapter of mlx-lm."""
    write_tensors(folder / "adapters.safetensors", arrays)
    settings = {"fine_tune_type": "lora", "model": "org/tiny-llama", **config}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


def numbers(*shape: int, seed: int = 0) -> Any:
    """Random float32 values."""
    return (np.random.default_rng(seed).standard_normal(shape) * 0.1).astype(np.float32)


def with_lengths(matrix: Any, lengths: Any, axis: int = 1) -> Any:
    """``matrix`` with each row (or column, for ``axis`` 0) as long as ``lengths`` say."""
    norm = np.sqrt((matrix**2).sum(axis=axis, keepdims=True))
    return matrix * np.expand_dims(lengths, axis) / norm
