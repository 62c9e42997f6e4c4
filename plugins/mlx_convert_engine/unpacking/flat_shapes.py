"""The shapes of weights that a tool stores flat: in the file, where that is here, or else told from config.json.

A source that is not here yet has its headers only. What its layers take in is the hidden size, but for those that lead
back to it. Whatever is told so is compared with what the file says as soon as that is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import prod
from typing import Any

from mlx_convert_core.plugin import CorruptCheckpoint, ModelInfo, TensorInfo, open_regular

_SMALL = 4096  # bytes of a tensor that is looked into for a plan
_OF_HEADS = ("o_proj", "out_proj", "wo", "dense")
_OF_INNER = ("down_proj", "w2", "fc2", "dense_4h_to_h", "c_proj")


def small_bytes(model: ModelInfo, tensor: TensorInfo) -> bytes:
    """All bytes of a small tensor of a source that is here; b"" of any other."""
    if model.path is None or not model.path.is_dir() or tensor.nbytes > _SMALL:
        return b""
    try:
        with open_regular(model.path / tensor.shard, within=model.path) as file:
            return os.pread(file.fileno(), tensor.nbytes, tensor.start)
    except OSError:
        return b""


def shape_by_config(name: str, parameters: int, config: Mapping[str, Any]) -> tuple[int, ...]:
    """(outputs, inputs) of the layer ``name`` with so many values, () where config.json does not tell."""
    text = config.get("text_config")
    known = {**config, **text} if isinstance(text, Mapping) else config
    width = _inputs(name.rpartition(".")[2], known, expert=".experts." in name)
    return (parameters // width, width) if width and parameters and parameters % width == 0 else ()


def check_shape(name: str, told: tuple[int, ...], read: tuple[int, ...]) -> None:
    """Raise CorruptCheckpoint (code ``odd_packing``) when the file says another shape than was planned with."""
    if told != read or not prod(read):
        raise CorruptCheckpoint(
            f"{name} has the shape {read} according to its file, and config.json leads to {told}.",
            hint="Convert it from a folder of this machine, where the file tells before anything is planned.",
            code="odd_packing",
        )


def _inputs(layer: str, config: Mapping[str, Any], *, expert: bool) -> int:
    hidden = _number(config, "hidden_size")
    if layer in _OF_HEADS:
        heads = _number(config, "num_attention_heads")
        return heads * (_number(config, "head_dim") or (hidden // heads if heads else 0))
    if layer in _OF_INNER:
        inner = _number(config, "moe_intermediate_size") if expert else 0
        return inner or _number(config, "intermediate_size")
    return hidden


def _number(config: Mapping[str, Any], name: str) -> int:
    found = config.get(name)
    return found if type(found) is int and found > 0 else 0
