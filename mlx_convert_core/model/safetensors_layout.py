"""A new safetensors file: its header, and where each tensor goes. The format is described in `safetensors`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.model.safetensors import TensorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A new file before its tensors are written: ``header`` bytes first, then each at its offset."""

    header: bytes
    offsets: Mapping[str, int]
    file_bytes: int


def layout(tensors: Iterable[TensorInfo], metadata: Mapping[str, str] | None = None) -> Layout:
    """Where each tensor goes in a file that holds ``tensors`` in this order; data starts 8-byte aligned."""
    entries: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    starts: dict[str, int] = {}
    position = 0
    for tensor in tensors:
        starts[tensor.name], end = position, position + tensor.nbytes
        entries[tensor.name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": (position, end)}
        position = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    base = 8 + len(text)
    return Layout(
        header=len(text).to_bytes(8, "little") + text,
        offsets={name: base + start for name, start in starts.items()},
        file_bytes=base + position,
    )
