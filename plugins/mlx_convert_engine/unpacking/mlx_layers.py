"""Layers that MLX has quantized: a weight in words, scales and, for affine, biases.

The numbers of a layer stand in config.json, under ``quantization``: an entry for its path, or else the default ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_convert_core.plugin import (
    Claims,
    DecodedTensor,
    MlxConvertError,
    ModelInfo,
    Quantization,
    StoredTensors,
    TensorInfo,
    dtypes,
)
from mlx_convert_engine.unpacking.before import quantized_before

_WORD = 32  # bits


class MlxLayers:
    """Shows what MLX has quantized as plain numbers, as mlx.core.dequantize makes them. Implements TensorDecoder."""

    name = "MLX's quantized layers"

    def __init__(self) -> None:
        self._numbers: dict[str, Quantization] = {}

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder."""
        said = model.config.get("quantization")
        if not isinstance(said, Mapping):
            return Claims()
        by_name = {tensor.name: tensor for tensor in model.tensors}
        found = []
        for weight in model.tensors:
            parts = _parts(weight, by_name)
            numbers = numbers_of(weight.name.removesuffix(".weight"), parts, said) if parts else None
            if numbers is not None:
                self._numbers[weight.name] = numbers
                found.append(_shown(parts, numbers))
        if not found:
            return Claims()
        told = sorted({str(numbers) for numbers in self._numbers.values()})
        finding = quantized_before(model, found, f"by MLX ({', '.join(told)})", ready=True)
        return Claims(tensors=tuple(found), findings=(finding,))

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        import mlx.core as mx

        numbers = self._numbers[tensor.name]
        weight, scales, *biases = (_rows(part, start, stop, stored) for part in tensor.parts)
        bits, group_size, mode = numbers.bits, numbers.group_size, numbers.mode
        return mx.dequantize(weight, scales, *biases, group_size=group_size, bits=bits, mode=mode)


def numbers_of(path: str, parts: tuple[TensorInfo, ...], said: Mapping[str, Any]) -> Quantization | None:
    """The numbers of the layer ``path``: its own entry in ``said``, the default, or the only others that fit its shape.

    A class may have named its layers otherwise when the entry was written, so that every entry counts as a last resort.
    """
    for entry in (said.get(path), said):
        numbers = _fitting(entry, parts)
        if numbers is not None:
            return numbers
    others = {numbers for entry in said.values() if (numbers := _fitting(entry, parts)) is not None}
    return others.pop() if len(others) == 1 else None


def _fitting(entry: Any, parts: tuple[TensorInfo, ...]) -> Quantization | None:
    """The numbers in ``entry``, if a layer with such ``parts`` can have them."""
    if not isinstance(entry, Mapping):
        return None
    bits, group_size, mode = entry.get("bits"), entry.get("group_size"), entry.get("mode") or "affine"
    if type(bits) is not int or type(group_size) is not int or not isinstance(mode, str):
        return None
    try:
        numbers = Quantization(bits=bits, group_size=group_size, mode=mode)  # type: ignore[arg-type]
    except MlxConvertError:
        return None
    weight, scales, *biases = parts
    same = weight.shape[-1] * _WORD == scales.shape[-1] * group_size * bits
    affine = bool(biases) and scales.dtype in dtypes.NAMES and biases[0].dtype == scales.dtype
    return numbers if same and affine == (mode == "affine") and (affine or scales.dtype == "U8") else None


def _parts(weight: TensorInfo, tensors: Mapping[str, TensorInfo]) -> tuple[TensorInfo, ...]:
    """A weight in words with what belongs to it; () when that is not there or has another shape."""
    if weight.dtype != "U32" or len(weight.shape) < 2 or not weight.name.endswith(".weight"):
        return ()
    path = weight.name.removesuffix("weight")
    scales, biases = tensors.get(f"{path}scales"), tensors.get(f"{path}biases")
    if scales is None or scales.shape[:-1] != weight.shape[:-1] or not scales.shape[-1]:
        return ()
    if biases is not None and biases.shape != scales.shape:
        return ()
    return (weight, scales, biases) if biases is not None else (weight, scales)


def _shown(parts: tuple[TensorInfo, ...], numbers: Quantization) -> DecodedTensor:
    weight, scales = parts[:2]
    dtype = scales.dtype if numbers.mode == "affine" else "BF16"  # as mlx.core.dequantize gives them
    shape = (*weight.shape[:-1], scales.shape[-1] * numbers.group_size)
    return DecodedTensor(name=weight.name, dtype=dtype, shape=shape, shard=weight.shard, parts=parts)


def _rows(part: TensorInfo, start: int, stop: int, stored: StoredTensors) -> Any:
    """Some rows of a stored tensor, all axes but the last counted through."""
    import mlx.core as mx
    import numpy as np

    each = part.nbytes // (part.parameters // part.shape[-1])
    size = each // part.shape[-1]
    array = mx.array(np.frombuffer(stored.read(part, each * start, each * stop), f"<u{size}"))
    if part.dtype in dtypes.NAMES:
        array = array.view(getattr(mx, dtypes.NAMES[part.dtype]))
    return array.reshape(stop - start, part.shape[-1])
