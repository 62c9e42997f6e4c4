"""compressed-tensors: integers in words (pack-quantized) or bytes (int-quantized), outputs first.

A number is ``scale * (code - zero)``; packed codes and zeros are stored with half their range added, codes along the
inputs, zeros along the outputs. A scale is for a group of inputs, for an output, for a block of both, or for all.
``weight_g_idx`` names the group of each input where these are reordered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import (
    Claims,
    CorruptCheckpoint,
    DecodedTensor,
    ModelInfo,
    StoredTensors,
    TensorInfo,
    dtypes,
    quantization_config,
)
from mlx_convert_engine.unpacking.affine_layers import IMPORTANCE, AffineLayer
from mlx_convert_engine.unpacking.before import quantized_before, said_dtype
from mlx_convert_engine.unpacking.reading import columns, fields, rows, whole

Array = Any  # of numpy
_HALF_A_BYTE = 128
_BITS = (2, 4, 8)  # of others a word holds as many as it holds whole, and no tool is known to write them
_EXTRA = ("_zero_point", "_g_idx", "_shape")
# Scales and zeros of what flows through a layer.
_OF_ACTIVATIONS = (".input_scale", ".input_zero_point", ".output_scale", ".output_zero_point")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One weight; in bytes if ``bits`` is 0. ``said`` is its shape, as its tool has written that into the file."""

    bits: int
    codes: TensorInfo
    scales: TensorInfo
    zeros: TensorInfo | None
    order: TensorInfo | None
    said: TensorInfo | None
    shape: tuple[int, ...]


class Compressed:
    """Shows integers of compressed-tensors as plain numbers. Implements TensorDecoder."""

    name = "compressed-tensors"

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder."""
        settings = quantization_config(model.config) or {}
        if str(settings.get("quant_method") or "").lower() != "compressed-tensors":
            return Claims()
        by_name = {tensor.name: tensor for tensor in model.tensors}
        found = []
        for codes in model.tensors:
            layer = _layer(codes, by_name, settings)
            if layer is not None:
                name = codes.name.removesuffix("_packed")
                self._layers[name] = layer
                found.append(_shown(name, layer, model))
        if not found:
            return Claims()
        bits = sorted({layer.bits or 8 for layer in self._layers.values()})
        told = quantized_before(model, found, f"by compressed-tensors ({', '.join(map(str, bits))} bits)")
        unneeded = tuple(tensor.name for tensor in model.tensors if tensor.name.endswith(_OF_ACTIVATIONS))
        return Claims(tensors=tuple(found), unneeded=unneeded, findings=(told,))

    def layers(self, model: ModelInfo) -> Mapping[str, AffineLayer]:
        """See PackedIntegers."""
        self.claims(model)
        return {name: _affine(layer) for name, layer in self._layers.items()}

    def codes(self, name: str, start: int, stop: int, stored: StoredTensors) -> Array:
        """See PackedIntegers."""
        import numpy as np

        layer = self._layers[name]
        _check_said(layer, stored)
        codes = rows(stored, layer.codes, start, stop)
        return fields(codes, layer.bits) if layer.bits else codes.astype(np.int16) + _HALF_A_BYTE

    def scales(self, name: str, start: int, stop: int, stored: StoredTensors) -> Array:
        """See PackedIntegers."""
        layer = self._layers[name]
        return _of_rows(_scales(layer, start, stop, stored), layer, start, stop)

    def zeros(self, name: str, start: int, stop: int, stored: StoredTensors) -> Array:
        """See PackedIntegers."""
        import numpy as np

        layer = self._layers[name]
        half = 1 << ((layer.bits or 8) - 1)
        if layer.zeros is None:
            return np.full((stop - start, _held(layer.scales, layer.shape)[1]), half, np.float32)
        return _of_rows(_zeros(layer, start, stop, stored), layer, start, stop) + half

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        import numpy as np

        layer = self._layers[tensor.name]
        _check_said(layer, stored)
        codes = rows(stored, layer.codes, start, stop)
        codes = fields(codes, layer.bits).astype(np.float32) - (1 << (layer.bits - 1)) if layer.bits else codes
        numbers = codes[:, : tensor.shape[-1]].astype(np.float32)
        groups = _groups(layer, stored)
        if layer.zeros is not None:
            numbers -= _of_rows(_zeros(layer, start, stop, stored), layer, start, stop)[:, groups]
        return numbers * _of_rows(_scales(layer, start, stop, stored), layer, start, stop)[:, groups]


def _affine(layer: _Layer) -> AffineLayer:
    return AffineLayer(
        bits=layer.bits or 8,
        shape=(layer.shape[0], layer.shape[1]),
        group=layer.shape[1] // _held(layer.scales, layer.shape)[1],
        codes=layer.codes,
        scales=layer.scales,
        parts=_parts(layer),
        symmetric=layer.zeros is None,
        unheld="" if layer.order is None else IMPORTANCE,
    )


def _check_said(layer: _Layer, stored: StoredTensors) -> None:
    """Raise CorruptCheckpoint when the file says another shape than its headers do."""
    if layer.said is not None and tuple(whole(stored, layer.said).reshape(-1).tolist()) != layer.shape:
        raise CorruptCheckpoint(
            f"{layer.said.name} does not give the shape that {layer.codes.name} has, {layer.shape}.",
            hint="Download the model again, or convert the original model.",
            code="odd_packing",
        )


def _parts(layer: _Layer) -> tuple[TensorInfo, ...]:
    parts = (layer.codes, layer.scales, layer.zeros, layer.order, layer.said)
    return tuple(part for part in parts if part is not None)


def _layer(codes: TensorInfo, tensors: Mapping[str, TensorInfo], settings: Mapping[str, Any]) -> _Layer | None:
    """The layer that ``codes`` belong to; None for other tensors, and for a layout that is not known here."""
    packed = codes.name.endswith("weight_packed") and codes.dtype == "I32"
    if len(codes.shape) != 2 or not (packed or (codes.name.endswith("weight") and codes.dtype == "I8")):
        return None
    base = codes.name.removesuffix("_packed")
    scales, (zeros, order, said) = tensors.get(f"{base}_scale"), (tensors.get(base + end) for end in _EXTRA)
    if scales is None or scales.dtype not in dtypes.NAMES:
        return None
    bits = _bits(settings, codes, scales) if packed else 0
    if packed and not bits:
        return None
    shape = (codes.shape[0], codes.shape[1] * 32 // bits if packed else codes.shape[1])
    held = _held(scales, shape)
    if not held:
        return None
    layer = _Layer(bits=bits, codes=codes, scales=scales, zeros=zeros, order=order, said=said, shape=shape)
    return layer if _fits(layer, held) else None


def _fits(layer: _Layer, held: tuple[int, int]) -> bool:
    """Whether zeros and groups have the shapes that those of the scales, ``held``, ask for."""
    zeros, order = layer.zeros, layer.order
    if order is not None and (order.shape != layer.shape[-1:] or order.dtype not in ("I32", "I64")):
        return False
    if zeros is None or zeros.shape == layer.scales.shape:
        return zeros is None or zeros.dtype in ("I8", "U8", *dtypes.NAMES)
    return zeros.dtype == "I32" and bool(layer.bits) and zeros.shape == (-(-held[0] * layer.bits // 32), held[1])


def _held(scales: TensorInfo, shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of scales over a weight of ``shape``; () when they don't go evenly."""
    if scales.parameters == 1:
        return (1, 1)
    held = scales.shape if len(scales.shape) == 2 else (*scales.shape, 1)
    even = len(held) == 2 and all(held) and all(whole_ % part == 0 for whole_, part in zip(shape, held, strict=True))
    return (held[0], held[1]) if even else ()  # type: ignore[return-value]


def _bits(settings: Mapping[str, Any], codes: TensorInfo, scales: TensorInfo) -> int:
    """The bits of a packed weight: what its group of layers says, where all say the same; 0 when they don't."""
    groups = settings.get("config_groups")
    found = {
        weights.get("num_bits")
        for group in (groups.values() if isinstance(groups, Mapping) else ())
        if isinstance(group, Mapping) and isinstance(weights := group.get("weights"), Mapping)
    }
    if not found and codes.shape[0] == scales.shape[0]:
        found = {4}
    bits = found.pop() if len(found) == 1 else 0
    return bits if bits in _BITS and codes.shape[1] * 32 % bits == 0 else 0


def _shown(name: str, layer: _Layer, model: ModelInfo) -> DecodedTensor:
    dtype = said_dtype(model) if layer.scales.dtype == "F32" else layer.scales.dtype
    return DecodedTensor(name=name, dtype=dtype, shape=layer.shape, shard=layer.codes.shard, parts=_parts(layer))


def _scales(layer: _Layer, start: int, stop: int, stored: StoredTensors) -> Array:
    """The rows of scales that some rows of the weight need."""
    import numpy as np

    held = _held(layer.scales, layer.shape)
    tile = layer.shape[0] // held[0]
    every = whole(stored, layer.scales).reshape(held) if len(layer.scales.shape) != 2 else None
    first, last = start // tile, -(-stop // tile)
    found = every[first:last] if every is not None else rows(stored, layer.scales, first, last)
    return found.astype(np.float32)


def _zeros(layer: _Layer, start: int, stop: int, stored: StoredTensors) -> Array:
    """As `_scales`."""
    import numpy as np

    assert layer.zeros is not None
    held = _held(layer.scales, layer.shape)
    tile = layer.shape[0] // held[0]
    first, last = start // tile, -(-stop // tile)
    if layer.zeros.shape == layer.scales.shape:
        return whole(stored, layer.zeros).reshape(held)[first:last].astype(np.float32)
    every = fields(np.ascontiguousarray(columns(stored, layer.zeros, 0, held[1]).T), layer.bits).T
    return every[first:last].astype(np.float32) - (1 << (layer.bits - 1))


def _of_rows(held: Array, layer: _Layer, start: int, stop: int) -> Array:
    """A row for each row of the weight, of those that `_scales` gives."""
    import numpy as np

    tile = layer.shape[0] // _held(layer.scales, layer.shape)[0]
    return held[np.arange(start, stop) // tile - start // tile]


def _groups(layer: _Layer, stored: StoredTensors) -> Array:
    """The column of scales of each input."""
    import numpy as np

    width, count = layer.shape[-1], _held(layer.scales, layer.shape)[1]
    if layer.order is None:
        return np.arange(width) // (width // count)
    groups = whole(stored, layer.order).astype(np.int64)
    if (groups >= 0).all() and (groups < count).all():
        return groups
    if (groups == -1).all():  # as it is before anything was ordered
        return np.arange(width) // (width // count)
    raise CorruptCheckpoint(
        f"{layer.order.name} names groups that there are no scales for.",
        hint="Download the model again, or convert the original model.",
        code="odd_packing",
    )
