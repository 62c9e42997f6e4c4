"""How sure a figure is: its 95 % interval, from sequences drawn again and again.

Tokens of one sequence are not independent: intervals that take them so are two to five times too narrow. So whole
sequences are drawn (a bootstrap, Efron 1979, with percentiles), the same ones for everything that is compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from mlx_convert_core.model.measurements import MeasureResult

DRAWS = 1000
SEED = 20261  # any will do; a fixed one gives the same interval each time
_TAIL = 0.025

S = TypeVar("S")
Draw = tuple[int, ...]


def draws(sequences: int) -> tuple[Draw, ...]:
    """Which sequences each of the samples holds, by their number; the same for the same count."""
    numbers = random.Random(SEED)
    return tuple(tuple(numbers.randrange(sequences) for _ in range(sequences)) for _ in range(DRAWS))


def samples(sequences: Sequence[S], figure: Callable[[Sequence[S]], float]) -> list[float]:
    """``figure`` of each sample, in the order of `draws`."""
    return [figure([sequences[number] for number in draw]) for draw in draws(len(sequences))]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Between which two values 95 % of the samples lie."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return ordered[round(_TAIL * last)], ordered[round((1 - _TAIL) * last)]


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float] | None:
    """The interval of a ratio of two figures, from samples of the same sequences; None where one is divided by 0."""
    if not all(theirs):
        return None
    return interval([one / other for one, other in zip(ours, theirs, strict=True)])


def paired_figures(first: MeasureResult, other: MeasureResult, name: str) -> tuple[float, float, float] | None:
    """How many times as large the figure ``name`` of ``other`` is as that of ``first``, and the ratio's 95 % interval.

    It is paired: both were measured over the same sequences, which are drawn together. None where they were not, or one
    is 0. Right for figures that are means; each sequence counts the same.
    """
    try:
        one, two = first.figure(name), other.figure(name)
    except KeyError:
        return None
    if first.text_hash != other.text_hash or not one.value:
        return None
    ours, theirs = (samples(figure.by_sequence, _mean) for figure in (two, one))
    span = paired_ratio(ours, theirs)
    return (two.value / one.value, *span) if span is not None else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
