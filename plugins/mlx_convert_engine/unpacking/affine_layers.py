"""Packed integers as they are: what a layer's codes, scales and zeros are, and whether MLX can hold just these.

MLX's affine layers are ``scale * code + bias``, with a scale and a bias for each group of inputs of an output. One of
``scale * (code - zero)`` has the bias ``-zero * scale``. That product is exact where the zero is a power of two, as in
all symmetric layers, and else rounded to the type of the scales.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mlx_convert_core.plugin import AFFINE_BITS, AFFINE_GROUP_SIZES, ModelInfo, StoredTensors, TensorInfo

Array = Any  # of numpy
IMPORTANCE = "its inputs are in the order of their importance (act-order), which MLX does not know"
# A bias of at most 15 scales is rounded by at most 15/2048 of a step then; in bfloat16 it would be a fifteenth.
_ROUNDED_BITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineLayer:
    """A weight (outputs, inputs) of ``bits``, with a scale for ``group`` inputs.

    ``parts`` are its codes, its scales and what else there is. ``unheld`` says why MLX can't hold it, so far as its
    format tells.
    """

    bits: int
    shape: tuple[int, int]
    group: int
    codes: TensorInfo
    scales: TensorInfo
    parts: tuple[TensorInfo, ...]
    symmetric: bool
    unheld: str = ""

    @property
    def group_size(self) -> int:
        """Of the layer that MLX holds: a larger group becomes several with the same scale; 0 when none fits."""
        fitting = (size for size in sorted(AFFINE_GROUP_SIZES, reverse=True) if self.group and self.group % size == 0)
        return next(fitting, 0)

    def why_not(self, dtype: str) -> str:
        """Why MLX can't hold it in a model of ``dtype`` ("": any) without loss; "" when it can."""
        if self.unheld:
            return self.unheld
        if self.bits not in AFFINE_BITS or not self.group_size or self.shape[1] % self.group_size:
            return (
                f"MLX has no groups of {self.group:,}" if self.bits in AFFINE_BITS else f"MLX has no {self.bits} bits"
            )
        if self.scales.dtype not in ("F16", "BF16") or dtype not in ("", self.scales.dtype):
            return "its scales are of another type than the model"
        if not self.symmetric and (self.scales.dtype != "F16" or self.bits > _ROUNDED_BITS):
            return "its zero points would be rounded"
        return ""


class PackedIntegers(Protocol):
    """A format of packed integers."""

    def layers(self, model: ModelInfo) -> Mapping[str, AffineLayer]:
        """The layers of ``model`` that are in it, by the names that their weights have as plain numbers."""

    def codes(self, name: str, start: int, stop: int, stored: StoredTensors) -> Array:
        """Some rows of a layer's codes, whole numbers from 0 on: (stop - start, inputs).

        Raises CorruptCheckpoint when they are not what the headers and config.json say.
        """

    def scales(self, name: str, start: int, stop: int, stored: StoredTensors) -> Array:
        """The scales of some rows in float32: (stop - start, groups)."""

    def zeros(self, name: str, start: int, stop: int, stored: StoredTensors) -> Array:
        """The zeros of some rows in float32, on the scale of the codes: (stop - start, groups)."""
