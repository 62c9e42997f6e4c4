"""How sure a figure is: its 95 % interval, from sequences drawn again and again.

Tokens of one sequence are not independent: intervals that take them so are two to five times too narrow. So whole
sequences are drawn (a bootstrap, Efron 1979, with percentiles), the same ones for everything that is compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from mlx_convert_core.model.measurements import MeasuredFigure, MeasureResult

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


def mean_figure(name: str, title: str, ours: Sequence[float], theirs: Sequence[float] | None = None) -> MeasuredFigure:
    """The mean of ``ours``, a number for each question, more being better; ``theirs`` are the source's."""
    low, high = interval(samples(ours, _mean))
    return MeasuredFigure(
        name=name,
        title=title,
        better="higher",
        value=_mean(ours),
        low=low,
        high=high,
        source=None if theirs is None else _mean(theirs),
        difference=None if theirs is None else _difference(ours, theirs),
        by_sequence=tuple(ours),
    )


def paired_difference(first: MeasureResult, other: MeasureResult, name: str) -> tuple[float, float, float] | None:
    """By how much the figure ``name`` of ``other`` is more than that of ``first``, and the difference's 95 % interval.

    As `paired_figures`: right for shares of right answers, of which one may be 0.
    """
    found = _both(first, other, name)
    return None if found is None else _difference(found[1].by_sequence, found[0].by_sequence)


def paired_figures(first: MeasureResult, other: MeasureResult, name: str) -> tuple[float, float, float] | None:
    """How many times as large the figure ``name`` of ``other`` is as that of ``first``, and the ratio's 95 % interval.

    It is paired: both were measured over the same sequences, which are drawn together. None where they were not, or one
    is 0. Right for figures that are means; each sequence counts the same.
    """
    found = _both(first, other, name)
    if found is None or not found[0].value:
        return None
    one, two = found
    ours, theirs = (samples(figure.by_sequence, _mean) for figure in (two, one))
    span = paired_ratio(ours, theirs)
    return (two.value / one.value, *span) if span is not None else None


def _both(first: MeasureResult, other: MeasureResult, name: str) -> tuple[MeasuredFigure, MeasuredFigure] | None:
    """The figure ``name`` of both, None where one lacks it or they were measured over different sequences."""
    try:
        found = first.figure(name), other.figure(name)
    except KeyError:
        return None
    return found if first.text_hash == other.text_hash else None


def _difference(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    each = [one - other for one, other in zip(ours, theirs, strict=True)]
    return (_mean(each), *interval(samples(each, _mean)))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
