"""An output whose numbers are chosen by measuring: the most that it can come to, and what is then chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mlx_convert_core.plugin import (
    Choice,
    Chosen,
    Finding,
    Fit,
    HereStrategy,
    LayerChoice,
    MeasuredLayer,
    MeasuredStrategy,
    ModelSizes,
    OutputPlan,
    Quantization,
    QuantizeStrategy,
)
from mlx_convert_engine.choice import Asking, bytes_in
from mlx_convert_engine.choosing import Found, Wanted, keep, kept
from mlx_convert_engine.room_here import RoomFor, told
from mlx_convert_engine.tuning.methods import Tuned
from mlx_convert_engine.tuning.rounding import Rounding
from mlx_convert_engine.tuning.sensitivity import Priced

SEQUENCES = 4  # of the text, one of each kind: layers are told apart by them, and going back takes thrice as long
PLACE_DIGITS = 24  # of a header, a tensor: where it lies, in a shard that may hold other tensors than the largest's
Strategies = Mapping[str, QuantizeStrategy | MeasuredStrategy]
Exactly = Callable[[tuple[OutputPlan, ...], Mapping[str, QuantizeStrategy]], tuple[OutputPlan, ...]]
"""Plans outputs with strategies that know what they want."""
Measure = Callable[[Sequence[Wanted], Path], list[Found]]
"""Measures what choices cost, in a folder for what it needs meanwhile."""


def asking(strategies: Strategies, *, last: bool) -> dict[str, QuantizeStrategy]:
    """``strategies``, those that choose by measuring as ones that take the smallest of all choices, or the ``last``."""
    return {
        preset: Asking(strategy, last) if isinstance(strategy, MeasuredStrategy) else strategy
        for preset, strategy in strategies.items()
    }


def bounded(
    outputs: tuple[OutputPlan, ...],
    strategies: Strategies,
    largest: tuple[OutputPlan, ...],
    exactly: Exactly,
    room: RoomFor,
) -> tuple[tuple[OutputPlan, ...], tuple[Finding, ...]]:
    """``largest``, those with a strategy that chooses by measuring as the most that they can come to.

    And what is to be said of those that go by this machine, which are then planned with as many bytes for any machine.
    Raises what the strategy's limit raises.
    """
    least = asking(strategies, last=False)
    smallest = exactly(outputs, least) if any(isinstance(one, Asking) for one in least.values()) else largest
    planned, findings = [], []
    for output, small in zip(largest, smallest, strict=True):
        if isinstance(one := least.get(output.preset), Asking) and one.asked:
            here = room(output, one.strategy) if isinstance(one.strategy, HereStrategy) else None
            output = _bounded(output, small, one, here)
            if here is not None:
                findings.append(told(output.label, here))
        planned.append(output)
    return tuple(planned), tuple(findings)


def _bounded(big: OutputPlan, small: OutputPlan, asked: Asking, here: Fit | None) -> OutputPlan:
    widths = _dtypes(small)
    spare = sum(bytes_in(layer, options[0], widths[path]) for path, (layer, options) in asked.asked.items())
    whole = sum(_values(layer.shape) * _width(widths[path]) for path, (layer, _) in asked.asked.items())
    shards = {tensor.shard for tensor in big.tensors}
    headers = big.weight_bytes - big.tensor_bytes + (PLACE_DIGITS * len(big.tensors) if len(shards) > 1 else 0)
    sizes = ModelSizes(
        parameters=big.parameters,
        least=small.tensor_bytes,
        most=big.tensor_bytes,
        plain=small.tensor_bytes - spare + whole,
        headers=headers,
        here=here,
    )
    limit = min(asked.strategy.limit(sizes), sizes.most)
    settled = asked.strategy.settled(limit + headers) if isinstance(asked.strategy, HereStrategy) else big.strategy
    return replace(
        big,
        strategy=settled,
        exact=False,
        at_most=True,
        tensors=(),
        quantized=(),
        tensor_bytes=limit,
        weight_bytes=limit + headers,
    )


class Choosing:
    """Has strategies choose for ``outputs``, as planned, by what is measured.

    ``folder`` keeps what was measured, by what it is ``made_from``.
    """

    def __init__(
        self,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, MeasuredStrategy],
        exactly: Exactly,
        folder: Path,
        made_from: str,
    ) -> None:
        self._planned = {output.preset: output for output in outputs if output.preset in strategies}
        asks = asking(strategies, last=False)
        smallest = exactly(tuple(self._planned.values()), asks)
        self._smallest = {output.preset: output for output in smallest}
        self._asked = {preset: one for preset, one in asks.items() if isinstance(one, Asking)}
        self._folder = folder
        self._made_from = made_from

    def choices(self, measure: Measure, tokens: int, roundings: Mapping[str, Rounding]) -> dict[str, Choice]:
        """What each strategy chooses, by the output's preset. Has that measured, over so many ``tokens``, which was not
        before."""
        self._folder.mkdir(exist_ok=True)
        found = {preset: kept(self._folder, preset, self._label(preset)) for preset in self._planned}
        lacking = [self._wanted(preset, roundings[preset]) for preset, one in found.items() if one is None]
        if lacking:
            made = measure(lacking, self._folder)
            for wanted, one in zip(lacking, made, strict=True):
                keep(self._folder, wanted.preset, self._label(wanted.preset), one)
                found[wanted.preset] = one
        return {preset: self._choice(preset, one, tokens) for preset, one in found.items() if one is not None}

    def _label(self, preset: str) -> str:
        output = self._planned[preset]
        options = [(path, *map(str, choices)) for path, (_, choices) in self._asked[preset].asked.items()]
        return repr((self._made_from, output.method, output.dtype, options))

    def _wanted(self, preset: str, rounding: Rounding) -> Wanted:
        """Methods that need more than mean squares are measured on the grids of one that needs no more."""
        if rounding.method.needs == "matrix":
            rounding = Rounding(Tuned(), rounding.inputs)
        dtypes = _dtypes(self._smallest[preset])
        layers = {
            path: Priced(layer=layer, options=options, dtype=dtypes[path])
            for path, (layer, options) in self._asked[preset].asked.items()
        }
        return Wanted(preset, layers, rounding)

    def _choice(self, preset: str, found: Found, tokens: int) -> Choice:
        asked, small, planned = self._asked[preset], self._smallest[preset], self._planned[preset]
        dtypes = _dtypes(small)
        layers = [
            MeasuredLayer(
                layer=layer,
                choices=tuple(
                    LayerChoice(quantization=numbers, nbytes=bytes_in(layer, numbers, dtypes[path]), error=error)
                    for numbers, error in zip(options, found.errors[path], strict=True)
                ),
            )
            for path, (layer, options) in asked.asked.items()
        ]
        fixed = small.tensor_bytes - sum(layer.choices[0].nbytes for layer in layers)
        answer = asked.strategy.choose(layers, planned.tensor_bytes - fixed)
        errors = {
            layer.layer.path: choice.error
            for layer in layers
            for choice in layer.choices
            if choice.quantization == answer[layer.layer.path]
        }
        own = {layer.path: layer.quantization for layer in small.quantized}
        kept_as_they_are: dict[str, Quantization | None] = dict.fromkeys(layer.path for layer in small.kept)
        return Choice(
            layers={**own, **answer, **kept_as_they_are},
            chosen=Chosen(
                strategy=planned.strategy or "",
                measure="inputs" if found.reason else "output",
                error=sum(errors.values()),
                errors={path: float(f"{error:.4g}") for path, error in errors.items()},
                tokens=tokens,
                reason=found.reason,
            ),
        )


def _dtypes(output: OutputPlan) -> dict[str, str]:
    """The type of each layer's scales, by the layer's path."""
    named = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
    return {
        tensor.name.removesuffix(".scales"): named[tensor.dtype]
        for tensor in output.tensors
        if tensor.name.endswith(".scales") and tensor.dtype in named
    }


def _width(dtype: str) -> int:
    return 4 if dtype == "float32" else 2


def _values(shape: tuple[int, ...]) -> int:
    values = 1
    for size in shape:
        values *= size
    return values
