"""What there is to say of layers that a method could not round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mlx_convert_core.plugin import NEAREST, Calibration, Finding
from mlx_convert_engine.tuning.rounding import Rounding

NAMED = 3  # layers that a finding names


def not_by_rows(roundings: Iterable[Rounding]) -> Iterator[Finding]:
    """Layers that their class quantizes as a whole: known before anything is read, and the same in every output."""
    for rounding in roundings:
        if rounding.method.name != NEAREST and rounding.whole:
            yield _finding(rounding.method.name, rounding.whole)
            return


def not_known(rounding: Rounding) -> Iterator[Finding]:
    """Layers of whose inputs too little is known; that shows only when they have been looked at."""
    if rounding.unknown:
        yield _finding(rounding.method.name, rounding.unknown)
    if rounding.tuned:
        yield Finding(
            code="rounded_tuned",
            level="info",
            message=f"the method {rounding.method.name} rounds {_layers(rounding.tuned)} as tuned does"
            f" ({_reasons(rounding.tuned)}): {_named(rounding.tuned)}.",
        )
    if rounding.unseen:
        most = max(rounding.unseen.values())
        yield Finding(
            code="experts_unseen",
            level="info",
            message=f"in {_layers(rounding.unseen)}, up to {most} experts saw none of the text: they are rounded by"
            f" what comes through all experts of their layer: {_named(rounding.unseen)}.",
            hint="A longer text, or one more like what the model is for, reaches more of them.",
        )


def by_random(calibration: Calibration) -> tuple[Finding, ...]:
    """Random tokens took the place of a text that nobody could read."""
    if calibration.kind != "random":
        return ()
    told = Finding(
        code="calibration_random",
        level="info",
        message=f"numbers are rounded by {calibration.words}, since nothing reads text for this model: a text comes"
        " closer to its source.",
        hint="Copy the tokenizer's files from the original model into the folder first.",
    )
    return (told,)


def _finding(method: str, layers: Mapping[str, str]) -> Finding:
    return Finding(
        code="rounded_nearest",
        level="info",
        message=f"the method {method} leaves {_layers(layers)} rounded to nearest"
        f" ({_reasons(layers)}): {_named(layers)}.",
    )


def _layers(layers: Mapping[str, object]) -> str:
    return f"{len(layers)} {'layer' if len(layers) == 1 else 'layers'}"


def _reasons(layers: Mapping[str, str]) -> str:
    return "; ".join(sorted(set(layers.values())))


def _named(layers: Mapping[str, object]) -> str:
    return ", ".join(sorted(layers)[:NAMED]) + (f" and {len(layers) - NAMED} more" if len(layers) > NAMED else "")
