"""Which layers are quantized, and how: the strategy's answer, or else the model class's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_convert_core.plugin import LayerInfo, Quantization, QuantizeStrategy
from mlx_convert_engine.model_classes import LazyModel


class Chooser:
    """Asks once a layer. ``default`` is what the request says; None quantizes nothing."""

    def __init__(self, lazy: LazyModel, default: Quantization | None, strategy: QuantizeStrategy | None) -> None:
        self.default = default
        self._strategy = strategy
        self._predicate = lazy.quant_predicate
        self._layers = len(getattr(lazy.model, "layers", None) or ())

    def choose(self, path: str, layer: Any) -> Quantization | str:
        """The layer's quantization, or the reason why it stays as it is."""
        assert self.default is not None
        width = layer.weight.shape[-1]
        if width % self.default.group_size:  # as in mlx_lm.convert, before anybody is asked
            return _indivisible(width, self.default)
        chosen = self._asked(path, layer)
        if isinstance(chosen, Quantization) and width % chosen.group_size:
            return _indivisible(width, chosen)
        return chosen

    def _asked(self, path: str, layer: Any) -> Quantization | str:
        assert self.default is not None
        if self._strategy is not None:
            shape = tuple(layer.weight.shape)
            info = LayerInfo(path=path, shape=shape, kind=type(layer).__name__, num_layers=self._layers)
            return self._strategy(info) or "the strategy keeps it"
        if self._predicate is None:
            return self.default
        answer = self._predicate(path, layer)
        if not answer:
            return "its model class keeps it"
        return Quantization.of(**answer) if isinstance(answer, Mapping) else self.default


def quantization_of(layer: Any) -> Quantization | None:
    """The numbers of a layer that the source already has quantized."""
    if not (hasattr(layer, "bits") and hasattr(layer, "group_size") and "scales" in layer):
        return None
    return Quantization.of(bits=layer.bits, group_size=layer.group_size, mode=getattr(layer, "mode", "affine"))


def _indivisible(width: int, quantization: Quantization) -> str:
    return f"width {width} is not divisible by group size {quantization.group_size}"
