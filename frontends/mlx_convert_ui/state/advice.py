"""Which precision to begin with, for somebody who has no opinion yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlx_convert_core import ModelInfo, OutputPlan
from mlx_convert_core.plugin import RECOMMENDED, fit_into, units
from mlx_convert_ui.words import _

# Rounding costs a model the more, the fewer numbers it has to spread what it knows over: of two models with 135 and 270
# million parameters, 4 bits leave the likeliest next token as it was only in 61 and 66 of 100 places. How large a model
# has to be for 4 bits is a rule of thumb of those who publish conversions, not a measurement of ours.
_BY_PARAMETERS = ((1e9, "8bit"), (3e9, "6bit"))
_FEWER = ("8bit", "6bit", "4bit", "3bit", "2bit")


@dataclass(frozen=True, slots=True)
class Advice:
    """A preset's name, and in a sentence why."""

    preset: str
    reason: str


def advised(
    model: ModelInfo | None, sizes: Mapping[str, OutputPlan] | None = None, memory: tuple[int, int] | None = None
) -> Advice:
    """What to begin with for ``model``: the bits that its number of parameters asks for, fewer where the result
    would not fit into ``memory`` (`memory_now`), with ``sizes`` by preset; for one that nobody has
    looked at the usual choice.
    """
    wanted = _by_parameters(model)
    if model is None or not sizes or memory is None:
        return wanted
    fits = {
        name: fit_into(memory, output.weight_bytes, model.config).verdict != "too_large"
        for name, output in sizes.items()
        if output.weight_bytes
    }
    if fits.get(wanted.preset, True):
        return wanted
    for name in _FEWER[_FEWER.index(wanted.preset) + 1 :] if wanted.preset in _FEWER else ():
        if fits.get(name):
            lent = units.size(memory[0])
            return Advice(name, _("{size} are what this machine lends, and more bits take more.", size=lent))
    return Advice("", _("No precision of this model fits into this machine's memory."))


def _by_parameters(model: ModelInfo | None) -> Advice:
    size = model.parameters if model else 0
    for below, preset in _BY_PARAMETERS:
        if 0 < size < below:
            number = units.count(size)
            return Advice(
                preset, _("Small models lose much at few bits, and this one has {number} parameters.", number=number)
            )
    return Advice(RECOMMENDED, "")
