"""What a strategy is told that chooses by measuring: what each choice for each layer takes, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlx_convert_core.model.fit import Fit
from mlx_convert_core.model.quantization import LayerInfo, Quantization, QuantizedLayer

Measure = Literal["output", "inputs"]
"""What an error counts: the change of the model's output that is expected (from gradients), or, where a class gives no
gradients, the change of the layer's own output beside its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChoice:
    """A layer with these numbers: ``nbytes`` of it, and the ``error`` that they were measured to make, 0 or more.

    Of the measure ``output`` it is the KL divergence (nats, the mean of all tokens) that this layer alone is expected
    to bring, to second order.
    """

    quantization: Quantization
    nbytes: int
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLayer:
    """A layer and what was measured of it: a choice for each of the numbers that the strategy wanted to know about."""

    layer: LayerInfo
    choices: tuple[LayerChoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSizes:
    """What an output can come to, known before anything is measured. All are bytes of tensors but ``headers``.

    ``least`` and ``most`` are those with the smallest and with the largest choice for every layer, ``plain`` those
    without quantization; ``headers`` is what weight files hold besides, at most. Of a strategy that goes by this
    machine, ``here`` says what the machine lends, and what the cache takes at the strategy's context.
    """

    parameters: int
    least: int
    most: int
    plain: int
    headers: int
    here: Fit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """How the numbers of an output's layers came about: ``strategy`` is what was asked for, ``measure`` what its errors
    count, ``reason`` why not the better measure ("" for that), ``error`` the sum of what the choice makes, ``tokens``
    the text that it was measured with. Where the strategy promises a divergence, ``divergence`` is what was measured of
    the whole model, after so many ``tries``. ``errors`` are those that ``error`` is the sum of, by the layer's path."""

    strategy: str
    measure: Measure
    error: float
    tokens: int
    reason: str = ""
    divergence: float | None = None
    tries: int = 0
    errors: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """``by what each layer does to the output, measured with 2,048 tokens``."""
        what = "each layer does to the model's output" if self.measure == "output" else "rounding does to each layer"
        told = f"by what {what}, measured with {self.tokens:,} tokens"
        if self.divergence is None:
            return told
        tried = "once" if self.tries == 1 else f"{self.tries} times"
        return f"{told}; made {tried}, and measured to diverge by {self.divergence:.3g} nats"


def layers_in_words(layers: Iterable[QuantizedLayer]) -> str:
    """``4 bits for 120 layers, 6 bits for 12; least model.layers.0.mlp.up_proj, most lm_head``."""
    ordered = sorted(layers, key=lambda layer: (layer.quantization.bits, -layer.quantization.group_size))
    if not ordered:
        return "no layer"
    counts = Counter(layer.quantization.bits for layer in ordered)
    told = ", ".join(
        f"{bits} bits for {count:,}{' layers' * (not place)}" for place, (bits, count) in enumerate(counts.items())
    )
    ends = f"least {_named(ordered[0])}, most {_named(ordered[-1])}"
    return f"{told}; {ends}"


def _named(layer: QuantizedLayer) -> str:
    return f"{layer.path} ({layer.quantization})"


def bits_to_ask(nbytes: int, parameters: int) -> float:
    """Bits per weight with which ``nbytes`` are allowed, rounded up to two places."""
    return -(-nbytes * 800 // parameters) / 100
