"""The tiny llama with weights changed by hand: random ones have no preference for any token, a trained model has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mlx_convert_core.plugin import read_header
from samples.tiny import write_tiny_llama

Change = Callable[[np.ndarray], np.ndarray]


def write_decided_llama(folder: Path, **config: object) -> Path:
    """Write a tiny llama that always means one token, another one at each step."""
    write_tiny_llama(folder, tie_word_embeddings=False, **config)
    return change(folder, "lm_head.weight", lambda values: values * 40)


def write_looping_llama(folder: Path) -> Path:
    """Write a tiny llama that says again what it has just said, and nothing else."""
    return change(write_tiny_llama(folder), "model.embed_tokens.weight", lambda values: values * 40)


def change(folder: Path, name: str, how: Change) -> Path:
    """Change the values of the tensor ``name`` (bfloat16) in ``folder``."""
    path = folder / "model.safetensors"
    tensor = next(tensor for tensor in read_header(path) if tensor.name == name)
    data = bytearray(path.read_bytes())
    stored = np.frombuffer(bytes(data[tensor.start : tensor.end]), "<u2").astype(np.uint32) << 16
    changed = how(stored.view(np.float32)).astype(np.float32)
    data[tensor.start : tensor.end] = (changed.view(np.uint32) >> 16).astype("<u2").tobytes()
    path.write_bytes(data)
    return folder
