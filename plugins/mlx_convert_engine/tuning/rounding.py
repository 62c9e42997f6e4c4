"""Rounds the layers of an output by its method, as far as what that needs to know of a layer is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from mlx_convert_core.plugin import LayerRows, Quantization, QuantizeMethod
from mlx_convert_engine.tuning.methods import Nearest, Tuned

TOKENS_EACH = 4  # for each input that a matrix is made of: with fewer, compensated is worse than nearest in other texts


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known of the inputs of a layer: ``moments`` (sets, width; float32), a set for each expert, else one; None
    when every column counts the same. They are of so many ``tokens``; ``unseen`` experts saw none. Matrices are kept
    at ``place``, of so many ``columns`` at most; where there are none, ``apart`` says what the layer is."""

    moments: Any
    tokens: int = 0
    place: str = ""
    columns: int = 0
    apart: str = ""
    unseen: int = 0

    @property
    def trouble(self) -> str:
        """Why a method can't go by them, "" when it can."""
        import numpy as np

        if self.moments is None:
            return ""
        moments = np.array(self.moments)
        if not np.isfinite(moments).all():
            return "its inputs are not finite in the text that was seen"
        return "" if moments.any(axis=-1).all() else "no input came through it in the text that was seen"


class Matrices(Protocol):
    """Where the matrices of layers' inputs are kept."""

    def of(self, place: str) -> tuple[Any, ...]:
        """The matrices at a place, the same tuple when asked again."""


@dataclass(slots=True)
class Rounding:
    """The method of one output, and what is known of the inputs of its layers, by path.

    ``matrices`` are where those of the inputs are kept. Which layers it could not round is noted, with the reason:
    ``whole`` those whose class rounds them itself, ``unknown`` those of whose inputs too little is known, ``tuned``
    those of which no matrix is known, so that they are rounded by mean squares alone. ``unseen`` counts the experts of
    a layer that are rounded by what comes through the others.
    """

    method: QuantizeMethod = field(default_factory=Nearest)
    inputs: Mapping[str, Inputs] = field(default_factory=dict)
    matrices: Matrices | None = None
    whole: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    tuned: dict[str, str] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)

    def layer(self, path: str, height: int) -> LayerRounding:
        """The way of rounding the layer ``path``, whose experts have ``height`` rows each (all, if there are none)."""
        return LayerRounding(self, path, height)

    def known(self, path: str) -> Inputs | None:
        """What is known of the inputs of a layer, if the method can go by it."""
        inputs = self.inputs.get(path)
        why = "nothing is known of its inputs" if inputs is None else inputs.trouble
        if why:
            self.unknown[path] = why
            return None
        if inputs is not None and inputs.unseen:
            self.unseen[path] = inputs.unseen
        return inputs

    def place(self, path: str, inputs: Inputs) -> str:
        """Where the matrices of a layer's inputs are, "" when the method needs none or can't go by them."""
        if self.method.needs != "matrix":
            return ""
        few = inputs.tokens < TOKENS_EACH * inputs.columns
        why = f"fewer than {TOKENS_EACH} tokens for each input came through" if few else ""
        if why or not inputs.place:
            self.tuned[path] = why or inputs.apart
            return ""
        return inputs.place


class LayerRounding:
    """Rounds rows of one layer."""

    def __init__(self, rounding: Rounding, path: str, height: int) -> None:
        self._rounding = rounding
        self._path = path
        self._height = height
        self._known: Inputs | None = None
        self._place = ""
        self._asked = False

    @property
    def chooses(self) -> bool:
        """Whether the layer may become another than mx.quantize makes it."""
        return self._rounding.method.name != Nearest.name

    def __call__(self, first: int, values: Any, quantization: Quantization) -> tuple[Any, ...]:
        """``values`` (rows, width) from the row ``first`` on, as mx.quantize would give them."""
        import mlx.core as mx

        method = self._rounding.method
        if quantization.mode != "affine":
            return _nearest(values, quantization)
        if method.needs == "nothing":
            return method.quantize(LayerRows(path=self._path, first=first, values=values, quantization=quantization))
        if not self._asked:
            self._asked = True
            self._known = self._rounding.known(self._path)
            self._place = self._rounding.place(self._path, self._known) if self._known else ""
        if self._known is None:
            return _nearest(values, quantization)
        moments = self._known.moments
        if moments is None:
            moments = mx.ones((1, values.shape[-1]))
        experts = range(first // self._height, (first + values.shape[0] - 1) // self._height + 1)
        if moments.shape[0] == 1 or len(experts) == 1:
            moments = moments[experts[0] if moments.shape[0] > 1 else 0]
        else:
            moments = moments[(first + mx.arange(values.shape[0])) // self._height]
        rows = LayerRows(path=self._path, first=first, values=values, quantization=quantization, moments=moments)
        if method.needs != "matrix":
            return method.quantize(rows)
        if not self._place or self._rounding.matrices is None:
            return Tuned().quantize(rows)
        return method.quantize(replace(rows, matrices=self._rounding.matrices.of(self._place)))


def _nearest(values: Any, quantization: Quantization) -> tuple[Any, ...]:
    import mlx.core as mx

    made: tuple[Any, ...] = mx.quantize(
        values, group_size=quantization.group_size, bits=quantization.bits, mode=quantization.mode
    )
    return made
