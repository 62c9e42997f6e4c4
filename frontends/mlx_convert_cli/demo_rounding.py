"""What the demo shows of rounding: two models of the same size, and how close each is to its source."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_cli.output import table
from mlx_convert_cli.progress import follow
from mlx_convert_core import ConvertedModel, ConvertRequest, MeasureRequest, MeasureResult, Workspace
from mlx_convert_core.plugin import MeasuredFigure, paired_figures, units

if TYPE_CHECKING:
    from rich.console import RenderableType

# Of 4 bits no figure would be honest: the package's model has 4 bits for a number already, which are found again.
PRESETS = ("3bit", "3bit-tuned")
TOKENS = 512  # the fewest that intervals can be had from: three models read them, which takes a CPU some seconds each
_ROUNDED = ("nearest", "tuned")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The models as `PRESETS` names them, what was measured of each, and the seconds that both took."""

    models: tuple[ConvertedModel, ...]
    measured: tuple[MeasureResult, ...]
    seconds: float


def compare(opened: Workspace, ref: str, outputs: tuple[Path, ...], *, as_json: bool) -> Compared:
    """Make both models of ``ref`` in the folders ``outputs``, and measure them against it.

    They are not asked anything before they are published, as others are: measuring runs them, and says more.
    """
    began = time.monotonic()
    request = ConvertRequest(ref=ref, preset=PRESETS, output=outputs, force=True, verify=False)
    made = follow(opened.convert(request), as_json=as_json)
    asked = MeasureRequest(tokens=TOKENS)
    measured = tuple(follow(opened.measure(model.path, asked), as_json=as_json) for model in made.models)
    return Compared(models=made.models, measured=measured, seconds=time.monotonic() - began)


def told(compared: Compared) -> list[RenderableType]:
    """Both models in a table, and what it says."""
    first, other = compared.measured
    columns = ("3 bits, rounded", "size", "same next word as the source", "KL divergence from it")
    rows = [
        (how, units.size(model.total_bytes), _share(result.figure("top1")), _interval(result.figure("kl_mean")))
        for how, model, result in zip(_ROUNDED, compared.models, compared.measured, strict=True)
    ]
    return [
        table(*columns, rows=rows, right=columns[1:]),
        "",
        *_ratio(first, other),
        "To nearest is how mlx_lm.convert rounds; tuned fits each group's scale to what comes through the layer.",
        f"Measured on {first.tokens:,} tokens, with 95 % intervals; to make and measure both took"
        f" {units.duration(compared.seconds)}.",
        "",
    ]


def _ratio(first: MeasureResult, other: MeasureResult) -> list[str]:
    found = paired_figures(first, other, "kl_mean")
    if found is None:
        return []
    ratio, low, high = found
    return [
        f"Of the same size, tuned is {ratio:.2f} times as far from the source as nearest ({low:.2f} to {high:.2f})."
    ]


def _share(figure: MeasuredFigure) -> str:
    return f"{figure.value:.0%} ({figure.low:.0%} to {figure.high:.0%})"


def _interval(figure: MeasuredFigure) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"
