"""Which precision to begin with, for somebody who has no opinion yet."""

from __future__ import annotations

from dataclasses import dataclass

from mlx_convert_core import ModelInfo
from mlx_convert_core.plugin import RECOMMENDED, units

# Rounding costs a model the more, the fewer numbers it has to spread what it knows over: of two models with 135 and 270
# million parameters, 4 bits leave the likeliest next token as it was only in 61 and 66 of 100 places. How large a model
# has to be for 4 bits is a rule of thumb of those who publish conversions, not a measurement of ours.
_BY_PARAMETERS = ((1e9, "8bit"), (3e9, "6bit"))


@dataclass(frozen=True, slots=True)
class Advice:
    """A preset's name, and in a sentence why."""

    preset: str
    reason: str


def advised(model: ModelInfo | None) -> Advice:
    """What to begin with for ``model``; for one that nobody has looked at the usual choice."""
    size = model.parameters if model else 0
    for below, preset in _BY_PARAMETERS:
        if 0 < size < below:
            return Advice(
                preset, f"Small models lose much at few bits, and this one has {units.count(size)} parameters."
            )
    return Advice(RECOMMENDED, "")
