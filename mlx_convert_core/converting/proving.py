"""Making an output again until it is as close to its source as was promised, and hardly larger than that takes.

What layers are expected to do together is an estimate; what the whole model does is measured. The two go up and down
together, so that a few tries find the place: the first expects what was promised, the others go between what was too
far and what was close enough, on logarithms of both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from mlx_convert_core.base import units
from mlx_convert_core.errors import ConversionFailed
from mlx_convert_core.model.measurements import MeasureResult
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.remedies import SetOption
from mlx_convert_core.running.context import JobContext

TRIES = 5  # models that are made and measured at most; the last one as large as can be, if no other was close enough
CLOSE = 0.85  # of the divergence that is allowed: who is within it tries no smaller model
AIM = 0.93  # of it: a measured divergence moves by some per cent when a layer or two change
SMALLER = 0.01  # of the bytes: not worth another try
FURTHEST = 32.0  # times the last expectation, in one step
KL = "kl_mean"

Judge = Callable[[Path, Path, ConvertPlan, JobContext], MeasureResult]
"""Measures the model in a folder against the checkpoint in another, by a plan."""
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Try:
    """A model that was made: the error ``expected`` of its layers, its ``divergence`` as measured, its size."""

    expected: float
    divergence: float
    nbytes: int


@dataclass(frozen=True, slots=True)
class Proven(Generic[M]):
    """What was made and keeps its promise: by which plan, how it was measured, after how many tries."""

    plan: ConvertPlan
    made: M
    measured: MeasureResult
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Generic[M]):
    """How models are chosen by an expectation, made, and measured; what was made before is to ``begin_again`` first."""

    most: float
    choose: Callable[[float], ConvertPlan]
    make: Callable[[ConvertPlan], M]
    measure: Callable[[ConvertPlan], MeasureResult]
    begin_again: Callable[[], None]

    def run(self) -> Proven[M]:
        """The smallest model that was found. Raises ConversionFailed (code ``divergence_reach``)."""
        tries: list[Try] = []
        found: list[tuple[ConvertPlan, MeasureResult]] = []
        made: M
        while (expected := next_expected(self.most, tries)) is not None:
            plan = self.choose(expected)
            if found and plan.outputs[0].quantized == found[-1][0].outputs[0].quantized:
                break  # what fits best is one or the other
            if found:
                self.begin_again()
            made = self.make(plan)
            measured = self.measure(plan)
            found.append((plan, measured))
            tries.append(Try(expected, measured.figure(KL).value, plan.outputs[0].weight_bytes))
        best = smallest(self.most, tries)
        if best is None:
            raise _unreachable(self.most, tries)
        plan, measured = found[best]
        if best != len(tries) - 1:
            self.begin_again()
            made = self.make(plan)
        return Proven(plan, made, measured, len(tries))


def smallest(most: float, tries: Sequence[Try]) -> int | None:
    """The place of the smallest that diverges by ``most`` nats at most, None when none does."""
    kept = [place for place, one in enumerate(tries) if one.divergence <= most]
    return min(kept, key=lambda place: tries[place].nbytes, default=None)


def next_expected(most: float, tries: Sequence[Try]) -> float | None:
    """The error to choose by next; None when there is nothing to be gained, or enough was tried."""
    if not tries:
        return most
    close = max((one for one in tries if one.divergence <= most), key=lambda one: one.expected, default=None)
    far = min((one for one in tries if one.divergence > most), key=lambda one: one.expected, default=None)
    if close is None:
        assert far is not None
        if far.expected == 0:
            return None
        return 0.0 if len(tries) >= TRIES - 1 else _further(tries, most)
    if len(tries) >= TRIES or close.divergence >= CLOSE * most:
        return None
    if far is None:
        return _further(tries, most)
    if far.nbytes >= (1 - SMALLER) * close.nbytes:
        return None
    return _between(close, far, AIM * most)


def _further(tries: Sequence[Try], most: float) -> float:
    """The expectation that goes with what is aimed at, as what is measured has grown with what is expected so far."""
    last = tries[-1]
    if last.divergence <= 0:
        return last.expected * FURTHEST
    power = 1.0
    if len(tries) > 1 and 0 < (before := tries[-2]).divergence != last.divergence:
        power = math.log(last.divergence / before.divergence) / math.log(last.expected / before.expected)
    factor = math.pow(AIM * most / last.divergence, 1 / min(3.0, max(1 / 3, power)))
    return last.expected * min(FURTHEST, max(1 / FURTHEST, factor))


def _between(close: Try, far: Try, aim: float) -> float:
    """Where ``aim`` lies on the line through both, on logarithms."""
    least = far.expected / FURTHEST
    start, end = math.log(max(close.expected, least)), math.log(far.expected)
    low, high = math.log(max(close.divergence, aim / FURTHEST)), math.log(far.divergence)
    share = (math.log(aim) - low) / (high - low)
    return math.exp(start + min(0.9, max(0.1, share)) * (end - start))


def _unreachable(most: float, tries: Sequence[Try]) -> ConversionFailed:
    best = min(tries, key=lambda one: one.divergence)
    return ConversionFailed(
        f"no model diverges by {most:g} nats at most: the best of {len(tries)} that were made,"
        f" {units.size(best.nbytes)} large, diverges by {best.divergence:.3g}.",
        hint="Allow more.",
        remedies=(SetOption("strategy", f"kl:{_allowed(best.divergence):g}"),),
        code="divergence_reach",
    )


def _allowed(divergence: float) -> float:
    """``divergence`` rounded up to two digits."""
    step = 10.0 ** (math.floor(math.log10(divergence)) - 1)
    return math.ceil(divergence / step) * step
