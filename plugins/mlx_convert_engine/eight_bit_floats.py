"""8-bit floats with scales, as several tools write them, and the plain numbers that they stand for.

A weight is stored as `F8_E4M3` or `F8_E5M2`, and beside it a scale to multiply by: one for all of it, for each row or
column, or for each block. The shapes tell which. Sources: DeepSeek-V3 (`weight_scale_inv`, blocks of 128 by 128),
compressed-tensors (`weight_scale`: tensor, channel, block, group), NVIDIA ModelOpt (`weight_scale`: one number, or
blocks in four axes), Ministral 3 (`weight_scale_inv`, one number).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

from mlx_convert_core.plugin import (
    Claims,
    DecodedTensor,
    Finding,
    ModelInfo,
    StoredTensors,
    TensorInfo,
    dtypes,
    quantization_config,
)

EIGHT_BIT_FLOATS = ("F8_E4M3", "F8_E5M2")
_SCALE_TYPES = frozenset(dtypes.NAMES)  # others are bytes of a format that MLX holds as it is
NO_BLOCK = (0, 0)
_BLOCK = (128, 128)  # where config.json names no other
# Scales of what flows through a layer, and of the cache: nothing of the weights.
_OF_ACTIVATIONS = (
    ".input_scale", "_input_scale", ".activation_scale", ".output_scale", ".q_scale", ".k_scale", ".v_scale",
    ".kv_scale", ".prob_scale",
)  # fmt: skip
Blocks = tuple[tuple[int, int], ...]
"""The sizes that blocks may have: rows, columns."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A weight in 8-bit floats with its scale: of the shape ``spread``, which broadcasts, or for each ``block``."""

    weight: TensorInfo
    scale: TensorInfo
    spread: tuple[int, ...] = ()
    block: tuple[int, int] = NO_BLOCK


class EightBitFloats:
    """Shows 8-bit floats with scales as the bfloat16 numbers that they stand for. Implements TensorDecoder."""

    name = "8-bit floats"

    def __init__(self) -> None:
        self._blocks: Blocks = ()

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder."""
        self._blocks = tuple(_blocks_of(model.config))
        found = tuple(_shown(*pair) for pair in _pairs_of(model.tensors, self._blocks))
        if not found:
            return Claims()
        unneeded = tuple(tensor.name for tensor in model.tensors if of_activations(tensor.name))
        return Claims(tensors=found, unneeded=unneeded, findings=(_told(model, len(found), unneeded),))

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder: one rounding, of the product, as the model classes of mlx-lm do it that expand."""
        import mlx.core as mx

        expansion = _expansion(*tensor.parts, self._blocks)
        width = tensor.shape[-1]
        codes = stored.read(expansion.weight, start * width, stop * width)
        scales = _scales_of_rows(expansion, start, stop, stored)
        values = _values_in(codes, expansion.weight.dtype).reshape(stop - start, width)
        across = expansion.block[1]
        if not across:
            return (values * scales).astype(mx.bfloat16)
        if width % across:
            return (values * mx.repeat(scales, across, axis=-1)[:, :width]).astype(mx.bfloat16)
        return (values.reshape(stop - start, -1, across) * scales[..., None]).astype(mx.bfloat16)


def expansions(config: Mapping[str, Any], tensors: Iterable[TensorInfo]) -> tuple[Expansion, ...]:
    """The weights among ``tensors`` that can be expanded."""
    blocks = tuple(_blocks_of(config))
    return tuple(_expansion(*pair, blocks) for pair in _pairs_of(tensors, blocks))


def of_activations(name: str) -> bool:
    """Whether a tensor is a scale that says nothing of the weights."""
    return name.endswith(_OF_ACTIVATIONS)


def expanded(arrays: Mapping[str, Any], found: Iterable[Expansion]) -> dict[str, Any]:
    """``arrays`` by name, with the weights expanded to bfloat16, not computed yet, and without their scales."""
    result = dict(arrays)
    for expansion in found:
        weight, scale = arrays[expansion.weight.name], result.pop(expansion.scale.name)
        result[expansion.weight.name] = _numbers(weight, scale, expansion)
    return {name: array for name, array in result.items() if not of_activations(name)}


def values_of(stored: Any, dtype: str) -> Any:
    """Bytes in an MLX array as the 8-bit floats of ``dtype`` that they are, in bfloat16, which holds each."""
    import mlx.core as mx

    if dtype == "F8_E4M3":
        return mx.from_fp8(stored, dtype=mx.bfloat16)
    return (stored.astype(mx.uint16) << 8).view(mx.float16).astype(mx.bfloat16)  # the upper half of a float16


def _values_in(codes: memoryview, dtype: str) -> Any:
    """8-bit floats as a flat array: looked up two at a time on a CPU, which takes a quarter of computing them."""
    import mlx.core as mx
    import numpy as np

    if len(codes) % 2 or mx.default_device() != mx.cpu:
        return values_of(mx.array(np.frombuffer(codes, np.uint8)), dtype)
    pairs = _pairs(dtype).take(np.frombuffer(codes, "<u2"), mode="clip")
    return mx.array(pairs.view("<u2")).view(mx.bfloat16)


@lru_cache(maxsize=2)
def _pairs(dtype: str) -> Any:
    """The bits of two values for the bits of two 8-bit floats."""
    import mlx.core as mx
    import numpy as np

    single = np.array(values_of(mx.array(np.arange(256, dtype=np.uint8)), dtype).view(mx.uint16))
    return np.stack(np.broadcast_arrays(single[None, :], single[:, None]), axis=-1).reshape(-1).view("<u4")


def _scales_of_rows(expansion: Expansion, start: int, stop: int, stored: StoredTensors) -> Any:
    """The scales of some rows of a weight, a row of them for each."""
    import mlx.core as mx
    import numpy as np

    weight, scale = expansion.weight, expansion.scale
    if expansion.spread:
        lead, held = weight.shape[:-1], expansion.spread
        if held[:-1] == lead:
            return _read_scales(scale, held[-1], start, stop, stored)
        all_scales = _read_scales(scale, held[-1], 0, prod(held[:-1]), stored).reshape(held)
        return mx.broadcast_to(all_scales, (*lead, held[-1])).reshape(-1, held[-1])[start:stop]
    (rows, width), (down, across) = weight.shape[-2:], expansion.block
    every = np.arange(start, stop)
    places = every // rows * -(-rows // down) + every % rows // down
    first, last = int(places[0]), int(places[-1]) + 1
    return _read_scales(scale, -(-width // across), first, last, stored)[mx.array(places - first)]


def _read_scales(scale: TensorInfo, width: int, start: int, stop: int, stored: StoredTensors) -> Any:
    """Some rows of scales, each of ``width``."""
    import mlx.core as mx
    import numpy as np

    kind = getattr(mx, dtypes.NAMES[scale.dtype])
    data = stored.read(scale, start * width * kind.size, stop * width * kind.size)
    return mx.array(np.frombuffer(data, f"<u{kind.size}")).view(kind).reshape(stop - start, width)


def _shown(*parts: TensorInfo) -> DecodedTensor:
    weight = parts[0]
    return DecodedTensor(name=weight.name, dtype="BF16", shape=weight.shape, shard=weight.shard, parts=parts)


def _told(model: ModelInfo, found: int, unneeded: tuple[str, ...]) -> Finding:
    scales = f" {len(unneeded):,} scales of activations are not needed, {unneeded[0]} for one." if unneeded else ""
    return Finding(
        code="source_fp8",
        level="info",
        message=f"{model.name} stores {found:,} weights as 8-bit floats; they are expanded as they are read." + scales,
    )


def _numbers(weight: Any, scale: Any, expansion: Expansion) -> Any:
    """One rounding, of the product: as the model classes of mlx-lm do it that expand."""
    import mlx.core as mx

    values = values_of(weight, expansion.weight.dtype)
    if expansion.spread:
        return (values * scale.reshape(expansion.spread)).astype(mx.bfloat16)
    (rows, width), (down, across) = weight.shape[-2:], expansion.block
    blocks_down, blocks_across = -(-rows // down), -(-width // across)
    scale = scale.reshape(*weight.shape[:-2], blocks_down, blocks_across)
    before = [(0, 0)] * (weight.ndim - 2)
    values = mx.pad(values, [*before, (0, blocks_down * down - rows), (0, blocks_across * across - width)])
    in_blocks = values.reshape(*weight.shape[:-2], blocks_down, down, blocks_across, across)
    product = (in_blocks * scale[..., :, None, :, None]).reshape(values.shape)
    return product[..., :rows, :width].astype(mx.bfloat16)


def _pairs_of(tensors: Iterable[TensorInfo], blocks: Blocks) -> Iterator[tuple[TensorInfo, TensorInfo]]:
    """The weights in 8-bit floats among ``tensors`` that can be expanded, each with its scale."""
    tensors = tuple(tensors)
    weights = [tensor for tensor in tensors if tensor.dtype in EIGHT_BIT_FLOATS and len(tensor.shape) > 1]
    if not weights:
        return
    beside = {tensor.name: tensor for tensor in tensors if tensor.dtype not in EIGHT_BIT_FLOATS}
    for weight in weights:
        scale = beside.get(f"{weight.name}_scale_inv") or beside.get(f"{weight.name}_scale")
        if scale is not None and scale.dtype in _SCALE_TYPES and _fit(weight.shape, scale.shape, blocks) is not None:
            yield weight, scale


def _expansion(weight: TensorInfo, scale: TensorInfo, blocks: Blocks) -> Expansion:
    spread, block = _fit(weight.shape, scale.shape, blocks) or ((), NO_BLOCK)
    return Expansion(weight, scale, spread=spread, block=block)


@lru_cache(maxsize=256)  # a hundred thousand weights have a handful of shapes
def _fit(
    weight: tuple[int, ...], scale: tuple[int, ...], known: Blocks
) -> tuple[tuple[int, ...], tuple[int, int]] | None:
    """How a scale belongs to a weight: the shape that it is spread in, or else its blocks' size; None: neither."""
    spread = _spread(weight, scale)
    if spread:
        return spread, NO_BLOCK
    for down, across in known:
        lead, blocks = weight[:-2], (-(-weight[-2] // down), -(-weight[-1] // across))
        if scale in ((*lead, *blocks), (*lead, blocks[0], 1, blocks[1], 1)):
            return (), (down, across)
    return None


def _spread(weight: tuple[int, ...], scale: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in which a scale broadcasts over a weight, () when it does not."""
    if prod(scale) == 1:
        return (1,) * len(weight)
    if len(scale) < len(weight) and scale == weight[: len(scale)]:  # for each row, or for each expert
        return scale + (1,) * (len(weight) - len(scale))
    fits = len(scale) == len(weight) and all(one in (1, other) for one, other in zip(scale, weight, strict=True))
    return scale if fits else ()


def _blocks_of(config: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """The sizes of blocks that ``config`` names, and the usual one."""
    said = quantization_config(config) or {}
    groups = said.get("config_groups")
    weights = [group.get("weights") for group in groups.values()] if _has_groups(groups) else []
    named = [said.get("weight_block_size")]
    for one in filter(None, weights):
        named += [one.get("block_structure"), (1, one.get("group_size"))] if isinstance(one, dict) else []
    for block in named:
        if isinstance(block, list | tuple) and len(block) == 2 and all(type(one) is int and one > 0 for one in block):
            yield block[0], block[1]
    yield _BLOCK


def _has_groups(groups: Any) -> bool:
    return isinstance(groups, dict) and all(isinstance(group, dict) for group in groups.values())
