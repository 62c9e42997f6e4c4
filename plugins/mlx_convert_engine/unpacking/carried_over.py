"""Integers that other tools have packed, in MLX's own packing: the very same codes, and nothing is rounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mlx_convert_core.plugin import (
    WORDS,
    Claims,
    DecodedTensor,
    Finding,
    ModelInfo,
    SetOption,
    StoredTensors,
    UseInstead,
    base_model,
    dtypes,
    quantization_config,
)
from mlx_convert_engine.unpacking.affine_layers import AffineLayer, PackedIntegers
from mlx_convert_engine.unpacking.compressed import Compressed
from mlx_convert_engine.unpacking.inputs_first import InputsFirst

_WORD = 32  # bits
_TENSORS = 3  # of a layer: words, scales, biases


class CarriedOver:
    """Shows layers of packed integers as layers that MLX has packed. Implements TensorDecoder.

    ``dtype`` is the type that a request names for all numbers, None for the source's own.
    """

    name = "packed integers, as they are"

    def __init__(self, dtype: str | None = None) -> None:
        self._dtype = dtype
        self._formats: dict[str, PackedIntegers] = {}

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder."""
        held = self._held(model)
        if not held:
            return Claims()
        numbers = Counter((layer.bits, layer.group_size) for layer in held.values())
        (bits, group_size), _ = numbers.most_common(1)[0]
        shown = tuple(tensor for name, layer in held.items() for tensor in _shown(name, layer))
        config = {**model.config, "quantization": {"group_size": group_size, "bits": bits, "mode": "affine"}}
        return Claims(tensors=shown, config=config, findings=(_told(model, numbers),))

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        import mlx.core as mx
        import numpy as np

        from mlx_convert_engine.tuning.packing import pack

        path, _, part = tensor.name.rpartition(".")
        form, name = self._formats[f"{path}.weight"], f"{path}.weight"
        if part == "weight":
            codes = form.codes(name, start, stop, stored)
            bits = tensor.shape[-1] * _WORD // codes.shape[-1]
            return pack(mx.array(np.ascontiguousarray(codes.astype(np.uint8))), bits)
        values = form.scales(name, start, stop, stored)
        if part == "biases":
            values = -values * form.zeros(name, start, stop, stored)
        return np.repeat(values, tensor.shape[-1] // values.shape[-1], axis=1)

    def _held(self, model: ModelInfo) -> dict[str, AffineLayer]:
        """The layers that MLX can hold, by the names of their weights."""
        said = self._dtype or dtypes.target_dtype(model.config)
        dtype = dtypes.STORED.get(said or "", "")
        held: dict[str, AffineLayer] = {}
        for form in (InputsFirst(), Compressed()):
            found = {name: layer for name, layer in form.layers(model).items() if not layer.why_not(dtype)}
            self._formats |= dict.fromkeys(found, form)
            held |= found
        return held


def can_be_carried(model: ModelInfo, *, whole: bool = False) -> bool:
    """Whether `CarriedOver` has anything to show of ``model``; with ``whole``, each layer of packed integers."""
    shown = CarriedOver().claims(model).tensors
    layers = sum(len(form.layers(model)) for form in (InputsFirst(), Compressed()))
    return bool(shown) and (not whole or len(shown) == _TENSORS * layers)


def _shown(name: str, layer: AffineLayer) -> tuple[DecodedTensor, ...]:
    """Words, scales and biases; each is made of all parts of the layer."""
    outputs, inputs = layer.shape
    base, shard = name.removesuffix("weight"), layer.codes.shard
    words = DecodedTensor(
        name=name, dtype=WORDS, shape=(outputs, inputs * layer.bits // _WORD), shard=shard, parts=layer.parts
    )
    shape = (outputs, inputs // layer.group_size)
    scales = words.replace(name=f"{base}scales", dtype=layer.scales.dtype, shape=shape)
    return words, scales, scales.replace(name=f"{base}biases")


def _told(model: ModelInfo, numbers: Mapping[tuple[int, int], int]) -> Finding:
    tool = str((quantization_config(model.config) or {}).get("quant_method") or "another tool")
    kinds = ", ".join(f"{bits} bit, group {group}" for bits, group in sorted(numbers))
    base = base_model(model)
    return Finding(
        code="source_quantized",
        level="warning",
        message=f"{model.name} was packed by {tool}; {sum(numbers.values()):,} packed layers are carried over as they"
        f" are: {kinds}.",
        hint="For a free choice of bits, convert the original model, or have plain numbers made of them first.",
        remedies=(SetOption("dequantize", True), *((UseInstead(base),) if base else ())),
    )
