"""Rewrite a small checkpoint's tensors: other names, types and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mlx_convert_core import ConvertRequest, Finding, Workspace
from mlx_convert_core.plugin import ShardWriter, TensorInfo, read_header


class Stored(NamedTuple):
    """A tensor as a file holds it; ``dtype`` as safetensors names it."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def values(self) -> np.ndarray[Any, Any]:
        """A bfloat16 or float32 tensor as float32."""
        if self.dtype == "F32":
            return np.frombuffer(self.data, "<f4").reshape(self.shape)
        return (np.frombuffer(self.data, "<u2").astype("<u4") << 16).view("<f4").reshape(self.shape)


def tensors_of(folder: Path) -> dict[str, Stored]:
    """Every tensor of a checkpoint, by name."""
    return {
        one.name: Stored(one.dtype, one.shape, path.read_bytes()[one.start : one.end])
        for path in sorted(folder.glob("*.safetensors"))
        for one in read_header(path)
    }


def store(folder: Path, tensors: Mapping[str, Stored], **config: Any) -> Path:
    """Replace the weights of ``folder`` by ``tensors`` in one file, and put ``config`` over its config.json."""
    for path in [*folder.glob("*.safetensors"), *folder.glob("*.index.json")]:
        path.unlink()
    planned = [
        TensorInfo(name=name, dtype=one.dtype, shape=one.shape, shard="model.safetensors")
        for name, one in tensors.items()
    ]
    with ShardWriter(folder, planned, {"format": "pt"}) as writer:
        for name, one in tensors.items():
            writer.write(name, one.data)
    settings = json.loads((folder / "config.json").read_text()) | config
    (folder / "config.json").write_text(json.dumps(settings))
    return folder


def converted(workspace: Workspace, source: Path, output: Path, **options: Any) -> tuple[Finding, ...]:
    """Convert ``source`` (to bf16, if nothing else is said) and give what there was to say."""
    request = ConvertRequest(ref=str(source), output=output, **{"preset": "bf16"} | options)
    (model,) = workspace.convert(request, inline=True).result().models
    return model.findings


def planned(workspace: Workspace, source: Path) -> list[Finding]:
    """The errors of an exact plan, and of one that could not be made."""
    request = ConvertRequest(ref=str(source), preset="bf16", output=source.with_name("never"))
    return list(workspace.plan(request).errors)


def as_bfloat16(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """``values`` rounded to bfloat16, half to even, as float32."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF_0000)).view(np.float32)
