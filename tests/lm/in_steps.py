"""A format that nobody here knows, and the decoder for it that docs/hooks.md shows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from stored import Stored, as_bfloat16, store, tensors_of

from mlx_convert_core.plugin import ShardWriter, TensorInfo

PAGE = Path(__file__).parents[2] / "docs" / "hooks.md"
LINEAR = ("proj.weight", "embed_tokens.weight")


def example() -> str:
    """The plugin that the page shows."""
    (found,) = re.findall(r"```python\n(from [^`]*class Steps:.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def write_in_steps(source: Path, plain: Path, *, apart: bool = False) -> None:
    """Have the matrices of ``source`` be in steps, and those of its copy ``plain`` the numbers that they stand for.

    With ``apart`` the size of a step lies in another file than the steps.
    """
    tensors, numbers = tensors_of(source), np.random.default_rng(11)
    stored: dict[str, Stored] = {}
    for name, tensor in tensors.items():
        if not name.endswith(LINEAR):
            stored[name] = tensor
            continue
        steps = numbers.integers(-127, 128, tensor.shape, dtype=np.int8)
        sizes = numbers.uniform(0.0005, 0.002, tensor.shape[:1]).astype(np.float32)
        stored[name.replace(".weight", ".steps")] = Stored("I8", steps.shape, steps.tobytes())
        stored[name.replace(".weight", ".step")] = Stored("F32", sizes.shape, sizes.tobytes())
        bits = (as_bfloat16(steps * sizes[:, None]).view(np.uint32) >> 16).astype(np.uint16)
        tensors[name] = Stored("BF16", tensor.shape, bits.tobytes())
    store(plain, tensors)
    store(source, stored)
    if apart:
        _split(source, stored)


def _split(folder: Path, stored: dict[str, Stored]) -> None:
    (folder / "model.safetensors").unlink()
    files = {name: f"model-0000{1 + name.endswith('.step')}-of-00002.safetensors" for name in stored}
    planned = [
        TensorInfo(name=name, dtype=one.dtype, shape=one.shape, shard=files[name]) for name, one in stored.items()
    ]
    with ShardWriter(folder, planned, {"format": "pt"}) as writer:
        for name, one in stored.items():
            writer.write(name, one.data)
