"""GPTQ and AWQ: words of integers, inputs first, with a scale and a zero for each group of inputs and each output.

A number is ``scale * (code - zero)``. GPTQ (AutoGPTQ, GPTQModel) packs codes along the inputs, zeros along the outputs,
from the lowest bit on and over the borders of words; ``g_idx`` names the group of each input, which in a layer
quantized by importance (desc_act) are in any order. Its first format stores zeros less one (gptq_v2: as they are).
AutoAWQ packs eight outputs in a word, in an order of its own (GEMM).
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
    SetOption,
    StoredTensors,
    TensorInfo,
    dtypes,
    quantization_config,
)
from mlx_convert_engine.unpacking.affine_layers import IMPORTANCE, AffineLayer
from mlx_convert_engine.unpacking.before import quantized_before
from mlx_convert_engine.unpacking.reading import columns, fields, whole

Array = Any  # of numpy
_GPTQ_BITS = (2, 3, 4, 8)
_AWQ_BITS = 4
_AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)  # the field that each of eight neighbouring outputs lies in
# What says which tool's tensors have these names; auto-round writes both formats.
_TOOLS = {"gptq": "GPTQ", "awq": "AWQ", "auto_round:auto_gptq": "GPTQ", "auto_round:auto_awq": "AWQ"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One weight: ``tool`` is GPTQ or AWQ; ``order`` is its g_idx; ``less`` is what zeros are stored without."""

    tool: str
    bits: int
    codes: TensorInfo
    scales: TensorInfo
    zeros: TensorInfo | None
    order: TensorInfo | None
    less: int

    @property
    def inputs(self) -> int:
        return self.codes.shape[0] * 32 // self.bits if self.tool == "GPTQ" else self.codes.shape[0]


class InputsFirst:
    """Shows layers of GPTQ and AWQ as plain numbers. Implements TensorDecoder."""

    name = "GPTQ and AWQ"

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder."""
        affine = self.layers(model)
        if not affine:
            return Claims()
        layers = {name: self._layers[name] for name in affine}
        found = [_shown(name, layer) for name, layer in layers.items()]
        bits = ", ".join(str(bits) for bits in sorted({layer.bits for layer in layers.values()}))
        how = f"by {next(iter(layers.values())).tool} ({bits} bits)"
        if any(layer.unheld == IMPORTANCE for layer in affine.values()):
            how += f"; {IMPORTANCE}"
        return Claims(tensors=tuple(found), findings=(quantized_before(model, found, how),))

    def layers(self, model: ModelInfo) -> Mapping[str, AffineLayer]:
        """See PackedIntegers."""
        settings = quantization_config(model.config) or {}
        tool = _TOOLS.get(_method(settings), "")
        by_name = {tensor.name: tensor for tensor in model.tensors}
        found = {}
        for codes in model.tensors if tool else ():
            layer = _layer(codes, by_name, tool, settings)
            if layer is not None:
                name = f"{codes.name.removesuffix('qweight')}weight"
                self._layers[name] = layer
                found[name] = _affine(layer, settings)
        return found

    def codes(self, name: str, start: int, stop: int, stored: StoredTensors) -> Array:
        """See PackedIntegers."""
        layer = self._layers[name]
        if layer.order is not None:
            _check_in_order(layer, stored)
        return _codes(layer, start, stop, stored).T

    def scales(self, name: str, start: int, stop: int, stored: StoredTensors) -> Array:
        """See PackedIntegers."""
        import numpy as np

        return columns(stored, self._layers[name].scales, start, stop).astype(np.float32).T

    def zeros(self, name: str, start: int, stop: int, stored: StoredTensors) -> Array:
        """See PackedIntegers."""
        return _zeros(self._layers[name], start, stop, stored).T

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        import numpy as np

        layer = self._layers[tensor.name]
        width = tensor.shape[-1]
        codes = _codes(layer, start, stop, stored)[:width].astype(np.float32)
        scales = columns(stored, layer.scales, start, stop).astype(np.float32)
        zeros = _zeros(layer, start, stop, stored)
        groups = _groups(layer, width, stored)
        return ((codes - zeros[groups]) * scales[groups]).T


def _layer(
    codes: TensorInfo, tensors: Mapping[str, TensorInfo], tool: str, settings: Mapping[str, Any]
) -> _Layer | None:
    """The layer that ``codes`` belong to; None for other tensors, and for a layout that is not known here."""
    if not codes.name.endswith("qweight") or codes.dtype != "I32" or len(codes.shape) != 2:
        return None
    base = codes.name.removesuffix("qweight")
    scales, zeros, order = (tensors.get(f"{base}{leaf}") for leaf in ("scales", "qzeros", "g_idx"))
    if scales is None or scales.dtype not in dtypes.NAMES or len(scales.shape) != 2 or not scales.shape[0]:
        return None
    groups, outputs = scales.shape
    if tool == "AWQ":
        bits, fits = _AWQ_BITS, codes.shape[1] * 8 == outputs and codes.shape[0] % groups == 0 and order is None
    else:
        bits = settings.get("bits") if type(settings.get("bits")) is int else 4
        fits = bits in _GPTQ_BITS and codes.shape[1] == outputs and codes.shape[0] * 32 % bits == 0
    if not fits or (zeros is not None and zeros.shape != (groups, outputs * bits // 32)):
        return None
    less = 1 if tool == "GPTQ" and settings.get("checkpoint_format") != "gptq_v2" else 0
    layer = _Layer(tool=tool, bits=bits, codes=codes, scales=scales, zeros=zeros, order=order, less=less)
    if order is None:
        return layer if layer.inputs % groups == 0 else None
    return layer if order.dtype in ("I32", "I64") and order.shape == (layer.inputs,) else None


def _affine(layer: _Layer, settings: Mapping[str, Any]) -> AffineLayer:
    groups, outputs = layer.scales.shape
    ordered = layer.order is None or settings.get("desc_act") is False
    return AffineLayer(
        bits=layer.bits,
        shape=(outputs, layer.inputs),
        group=layer.inputs // groups if layer.inputs % groups == 0 else 0,
        codes=layer.codes,
        scales=layer.scales,
        parts=_parts(layer),
        symmetric=layer.zeros is None or settings.get("sym") is True,
        unheld="" if ordered else IMPORTANCE,
    )


def _check_in_order(layer: _Layer, stored: StoredTensors) -> None:
    """Raise CorruptCheckpoint when groups are reordered, though config.json says that they are not."""
    import numpy as np

    assert layer.order is not None
    if not np.array_equal(whole(stored, layer.order), np.arange(layer.inputs) * layer.scales.shape[0] // layer.inputs):
        raise CorruptCheckpoint(
            f"{layer.order.name} reorders the inputs of its layer, and config.json says that none are (desc_act).",
            hint="Have plain numbers made of the packed layers, or convert the original model.",
            remedies=(SetOption("dequantize", True),),
            code="odd_packing",
        )


def _parts(layer: _Layer) -> tuple[TensorInfo, ...]:
    return tuple(part for part in (layer.codes, layer.scales, layer.zeros, layer.order) if part is not None)


def _shown(name: str, layer: _Layer) -> DecodedTensor:
    shape = (layer.scales.shape[1], layer.inputs)
    return DecodedTensor(name=name, dtype=layer.scales.dtype, shape=shape, shard=layer.codes.shard, parts=_parts(layer))


def _codes(layer: _Layer, start: int, stop: int, stored: StoredTensors) -> Array:
    """(inputs, outputs)."""
    if layer.tool == "GPTQ":
        return fields(columns(stored, layer.codes, start, stop).T, layer.bits).T
    return _in_eights(layer.codes, start, stop, stored)


def _zeros(layer: _Layer, start: int, stop: int, stored: StoredTensors) -> Array:
    """(groups, outputs); those of a symmetric layer that has none lie in the middle."""
    import numpy as np

    if layer.zeros is None:
        return np.full((layer.scales.shape[0], stop - start), 1 << (layer.bits - 1), np.float32)
    if layer.tool == "AWQ":
        return _in_eights(layer.zeros, start, stop, stored).astype(np.float32)
    every = fields(whole(stored, layer.zeros), layer.bits)
    return every[:, start:stop].astype(np.float32) + layer.less


def _in_eights(tensor: TensorInfo, start: int, stop: int, stored: StoredTensors) -> Array:
    """Some outputs of a tensor of AWQ's words."""
    first = start // 8
    words = columns(stored, tensor, first, -(-stop // 8))
    in_order = fields(words, _AWQ_BITS).reshape(len(words), -1, 8)[..., list(_AWQ_ORDER)].reshape(len(words), -1)
    return in_order[:, start - 8 * first : stop - 8 * first]


def _groups(layer: _Layer, inputs: int, stored: StoredTensors) -> Array:
    """The group of each input."""
    import numpy as np

    if layer.order is None:
        return np.arange(inputs) // (inputs // layer.scales.shape[0])
    groups = whole(stored, layer.order).astype(np.int64)
    if groups.size and (groups.min() < 0 or groups.max() >= layer.scales.shape[0]):
        raise _odd_order(layer.order)
    return groups


def _odd_order(order: TensorInfo) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{order.name} names groups that there are no scales for.",
        hint="Download the model again, or convert the original model.",
        code="odd_packing",
    )


def _method(settings: Mapping[str, Any]) -> str:
    method = str(settings.get("quant_method") or "").lower()
    if method == "auto-round":
        return str(settings.get("packing_format") or "")
    version = str(settings.get("version") or "").lower()
    return "" if method == "awq" and version not in ("gemm", "") else method
