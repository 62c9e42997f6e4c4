"""HQQ: integers in groups, with a scale and a zero each, as the library and transformers store them.

A number is ``scale * (code - zero)``. The values of a weight lie flat in groups: with axis 1 a group is values beside
each other, with axis 0 values that are as far apart as there are groups. A byte holds as many values as fit, which are
whole parts of the weight apart: the upper bits are of its first part. (3 bits: ten in a word of 32.)
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
from mlx_convert_engine.unpacking.before import quantized_before, said_dtype
from mlx_convert_engine.unpacking.flat_shapes import check_shape, shape_by_config, small_bytes
from mlx_convert_engine.unpacking.reading import values, whole

Array = Any  # of numpy
_PARTS = {8: 1, 4: 2, 3: 10, 2: 4, 1: 8}  # values in a byte (3 bits: in a word)
# What the library writes beside each weight; its shape, bits and axis are read, the rest says nothing more.
_BESIDE = (
    "axis", "channel_wise", "compute_dtype", "encoded_state_dict", "group_size", "nbits", "offload_meta", "optimize",
    "packing", "quant_scale", "quant_zero", "round_zero", "shape", "stores_quant_config", "unpack_view_dtype",
    "view_as_float",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One weight, and what stands beside it: ``said`` are its shape, bits and axis, as the file has them."""

    codes: TensorInfo
    scales: TensorInfo
    zeros: TensorInfo
    said: tuple[TensorInfo, TensorInfo, TensorInfo]
    bits: int
    axis: int


class Hqq:
    """Shows weights of HQQ as plain numbers. Implements TensorDecoder."""

    name = "HQQ"

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder."""
        by_name = {tensor.name: tensor for tensor in model.tensors}
        found = []
        for codes in model.tensors:
            base = codes.name.removesuffix("W_q")
            layer = _layer(base, codes, by_name, model) if base != codes.name else None
            shape = _shape(base.rstrip("."), layer, model) if layer is not None else ()
            if layer is None or not shape:
                continue
            self._layers[f"{base}weight"] = layer
            parts = (layer.codes, layer.scales, layer.zeros, *layer.said)
            beside = (by_name[base + end] for end in _BESIDE if base + end in by_name)
            parts = (*parts, *(tensor for tensor in beside if tensor not in parts))
            dtype = layer.scales.dtype if layer.scales.dtype != "F32" else said_dtype(model)
            shown = DecodedTensor(name=f"{base}weight", dtype=dtype, shape=shape, shard=codes.shard, parts=parts)
            found.append(shown)
        if not found:
            return Claims()
        bits = sorted({layer.bits for layer in self._layers.values()})
        told = quantized_before(model, found, f"by HQQ ({', '.join(map(str, bits))} bits)")
        return Claims(tensors=tuple(found), findings=(told,))

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        import numpy as np

        layer, width = self._layers[tensor.name], tensor.shape[-1]
        shape, bits, axis = (tuple(whole(stored, part).reshape(-1).tolist()) for part in layer.said)
        check_shape(tensor.name, tensor.shape, shape)
        if (bits, axis) != ((layer.bits,), (layer.axis,)):
            raise _odd(layer.codes.name)
        every = np.arange(start * width, stop * width)
        groups, total = layer.scales.parameters, tensor.parameters
        group = every // (total // groups) if layer.axis else every % groups
        codes = _codes(layer, total, start * width, stop * width, stored).astype(np.float32)
        scales, zeros = (whole(stored, part).reshape(-1).astype(np.float32) for part in (layer.scales, layer.zeros))
        return ((codes - zeros[group]) * scales[group]).reshape(stop - start, width)


def _layer(base: str, codes: TensorInfo, tensors: Mapping[str, TensorInfo], model: ModelInfo) -> _Layer | None:
    scales, zeros, shape, nbits, axis = (tensors.get(base + end) for end in ("scale", "zero", "shape", "nbits", "axis"))
    if scales is None or zeros is None or shape is None or nbits is None or axis is None:
        return None
    if scales.dtype not in dtypes.NAMES or zeros.dtype not in dtypes.NAMES or scales.parameters != zeros.parameters:
        return None
    bits = _number(small_bytes(model, nbits), nbits) or _by_config(model, "nbits", 4)
    along = _number(small_bytes(model, axis), axis) if small_bytes(model, axis) else _by_config(model, "axis", 1)
    if bits not in _PARTS or along not in (0, 1) or codes.dtype not in ("U8", "I32"):
        return None
    return _Layer(codes=codes, scales=scales, zeros=zeros, said=(shape, nbits, axis), bits=bits, axis=along)


def _shape(name: str, layer: _Layer, model: ModelInfo) -> tuple[int, ...]:
    """The shape of the weight, () where nothing tells or its parts don't go with it."""
    data = small_bytes(model, layer.said[0])
    parameters = layer.scales.parameters * _by_config(model, "group_size", 64)
    shape = _numbers(data, layer.said[0]) if data else shape_by_config(name, parameters, model.config)
    if len(shape) != 2 or min(shape) < 1:
        return ()
    total, groups = shape[0] * shape[1], layer.scales.parameters
    held = layer.codes.parameters * _PARTS[layer.bits]
    return shape if groups and total % groups == 0 and held >= total else ()


def _codes(layer: _Layer, total: int, start: int, stop: int, stored: StoredTensors) -> Array:
    """Some values of the weight, flat."""
    import numpy as np

    parts, bits = _PARTS[layer.bits], layer.bits
    each = layer.codes.parameters  # values of a part; the last one may be longer than what is left of the weight
    found = []
    for part in range(parts):
        first, last = max(start, part * each), min(stop, (part + 1) * each)
        if first < last:
            packed = values(stored, layer.codes, first - part * each, last - part * each)
            found.append(packed >> (bits * (parts - 1 - part)) & ((1 << bits) - 1))
    return np.concatenate(found)


def _by_config(model: ModelInfo, name: str, otherwise: int) -> int:
    """What config.json says of every weight."""
    settings = (quantization_config(model.config) or {}).get("quant_config")
    inner = settings.get("weight_quant_params") if isinstance(settings, Mapping) else None
    said = inner.get(name) if isinstance(inner, Mapping) else None
    return said if type(said) is int and said >= 0 else otherwise


def _number(data: bytes, tensor: TensorInfo) -> int:
    found = _numbers(data, tensor)
    return found[0] if len(found) == 1 else 0


def _numbers(data: bytes, tensor: TensorInfo) -> tuple[int, ...]:
    """The integers in a small tensor, () when it holds none."""
    if tensor.dtype not in ("I32", "I64"):
        return ()
    size = 4 if tensor.dtype == "I32" else 8
    return tuple(int.from_bytes(data[at : at + size], "little", signed=True) for at in range(0, len(data), size))


def _odd(name: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{name} is packed otherwise than config.json says.",
        hint="Convert it from a folder of this machine, where the file tells before anything is planned.",
        code="odd_packing",
    )
