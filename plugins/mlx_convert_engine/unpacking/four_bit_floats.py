"""MXFP4 and NVFP4 as several tools write them: floats of four bits with a scale for each group, and for NVFP4 one more.

What a row is worth is `packed_formats`' affair, the yardstick of what is carried over.
"""

from __future__ import annotations

from typing import Any

from mlx_convert_core.plugin import Claims, DecodedTensor, ModelInfo, StoredTensors, TensorInfo
from mlx_convert_engine.packed_formats import PackedWeight, packed_weights
from mlx_convert_engine.unpacking.before import quantized_before

_FORMS = ("mxfp4", "nvfp4")
# Scales of what flows through a layer.
_OF_ACTIVATIONS = (".input_scale", "_input_scale", ".input_global_scale")


class FourBitFloats:
    """Shows floats of four bits as plain numbers. Implements TensorDecoder."""

    name = "4-bit floats"

    def __init__(self) -> None:
        self._weights: dict[str, PackedWeight] = {}

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder."""
        found, names = [], {tensor.name for tensor in model.tensors}
        for codes, weight in packed_weights(model.tensors).items():
            if not isinstance(weight, PackedWeight) or weight.form not in _FORMS or not _whole(weight):
                continue
            shown = _shown(weight)
            if shown.name == codes or shown.name not in names:
                self._weights[shown.name] = weight
                found.append(shown)
        if not found:
            return Claims()
        forms = sorted({weight.form.upper() for weight in self._weights.values()})
        told = quantized_before(model, found, f"to {' and '.join(forms)}")
        unneeded = tuple(tensor.name for tensor in model.tensors if tensor.name.endswith(_OF_ACTIVATIONS))
        return Claims(tensors=tuple(found), unneeded=unneeded, findings=(told,))

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        return self._weights[tensor.name].numbers(_Reading(stored), start, stop - start)


class _Reading:
    """What `packed_formats` reads by."""

    def __init__(self, stored: StoredTensors) -> None:
        self._stored = stored

    def read(self, tensor: TensorInfo, start: int, into: memoryview) -> None:
        """Fill ``into`` from byte ``start`` on."""
        into[:] = self._stored.read(tensor, start, start + into.nbytes)


def _whole(weight: PackedWeight) -> bool:
    """Whether there is a scale for each group of each row."""
    group = 32 if weight.form == "mxfp4" else 16
    rows = weight.matrices * weight.rows
    return bool(rows) and weight.scales.parameters * group == rows * weight.width


def _shown(weight: PackedWeight) -> DecodedTensor:
    codes, factors = weight.codes, weight.factors
    name = codes.name.removesuffix("_packed").removesuffix("_blocks")
    lead = codes.shape[:1] if codes.name.endswith("_blocks") else codes.shape[:-2]
    parts = (codes, weight.scales, *((factors,) if factors is not None else ()))
    shape = (*lead, weight.rows, weight.width)
    return DecodedTensor(name=name, dtype="BF16", shape=shape, shard=codes.shard, parts=parts)
