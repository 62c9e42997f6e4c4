"""Which layers are quantized, and how: the strategy's answer, or else the model class's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlx_convert_core.plugin import LayerInfo, MeasuredStrategy, Quantization, QuantizeStrategy
from mlx_convert_engine.model_classes import LazyModel

_OF_CLASS = "its model class keeps it"


@dataclass(slots=True)
class Asking:
    """Asks a measured strategy what it may choose from, as a strategy that takes the ``last`` of it, or the first.

    ``asked`` are the layers that it was asked for, and the choices for each, from the smallest on.
    """

    strategy: MeasuredStrategy
    last: bool = False
    asked: dict[str, tuple[LayerInfo, tuple[Quantization, ...]]] = field(default_factory=dict)

    def __call__(self, layer: LayerInfo) -> Quantization:
        """See QuantizeStrategy."""
        options = tuple(sorted(self.strategy.options(layer), key=lambda one: bytes_in(layer, one)))
        self.asked[layer.path] = (layer, options)
        return options[-1 if self.last else 0]


class Chooser:
    """Asks once a layer. ``default`` is what the request says; None quantizes nothing."""

    def __init__(self, lazy: LazyModel, default: Quantization | None, strategy: QuantizeStrategy | None) -> None:
        self.default = default
        self._strategy = strategy
        self._predicate = lazy.quant_predicate
        self._spared = lazy.spared or (lambda path: False)
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
        if self._spared(path):
            return _OF_CLASS
        if self._strategy is not None:
            own = self._of_class(path, layer) if isinstance(self._strategy, Asking) else self.default
            if own is not self.default:
                return own
            shape = tuple(layer.weight.shape)
            info = LayerInfo(path=path, shape=shape, kind=type(layer).__name__, num_layers=self._layers)
            return self._strategy(info) or "the strategy keeps it"
        return self._of_class(path, layer)

    def _of_class(self, path: str, layer: Any) -> Quantization | str:
        """What the model's class says."""
        assert self.default is not None
        if self._predicate is None:
            return self.default
        answer = self._predicate(path, layer)
        if not answer:
            return _OF_CLASS
        return Quantization.of(**answer) if isinstance(answer, Mapping) else self.default


def quantization_of(layer: Any) -> Quantization | None:
    """The numbers of a layer that the source already has quantized."""
    if not (hasattr(layer, "bits") and hasattr(layer, "group_size") and "scales" in layer):
        return None
    return Quantization.of(bits=layer.bits, group_size=layer.group_size, mode=getattr(layer, "mode", "affine"))


def _indivisible(width: int, quantization: Quantization) -> str:
    return f"width {width} is not divisible by group size {quantization.group_size}"


def bytes_in(layer: LayerInfo, numbers: Quantization, dtype: str = "bfloat16") -> int:
    """Bytes of a layer with these numbers, its scales in ``dtype``."""
    return numbers.packed_bytes(layer.shape, 4 if dtype == "float32" else 2)
