"""Figures as they are kept with a model, in its record and in the library: plain values, perhaps in groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.base import units
from mlx_convert_core.model.fingerprint import fingerprint

Figure = int | float | str
Measurements = Mapping[str, Figure | Mapping[str, Figure]]
QUALITY, TASKS, SPEED = "quality", "tasks", "speed"  # groups of figures in a record
WEIGHTS = "weights"  # in a group: the fingerprint of the weights that were measured
# What the built-in figures are called for people; a plugin's by its name.
_TITLES = {
    "kl_mean": "KL divergence, mean (nats)",
    "kl_median": "KL divergence, median (nats)",
    "kl_p99": "KL divergence, 99th percentile (nats)",
    "kl_max": "KL divergence, largest (nats)",
    "top1": "same likeliest word (share)",
    "perplexity": "perplexity",
    "acc": "right choices (share)",
    "acc_norm": "right choices, by length (share)",
    "same_choice": "same choice as the source (share)",
    "exact_match": "exact answers (share)",
    "prompt_tokens_per_second": "prompt (tokens/s)",
    "generation_tokens_per_second": "answer (tokens/s)",
    "time_to_first_token": "first token after (s)",
    "load_seconds": "loading (s)",
    "peak_memory": "peak memory",
}
_BYTES = {"peak_memory"}
_SPAN, _SOURCE = (" low", " high"), " of source"
_ABOUT = {"tokens", "sequences", "questions", "runs", "prompt_tokens", "generation_tokens"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFigure:
    """A figure that is kept with a model: its name, what it is called, its value, and that in words."""

    name: str
    title: str
    value: float
    words: str


def figures_in(group: Mapping[str, Figure]) -> Iterator[KeptFigure]:
    """The figures of a group, in its order: ``0.578 (0.49 to 0.68)``, the interval in brackets."""
    for name, value in group.items():
        if isinstance(value, str) or name in _ABOUT or name.endswith((*_SPAN, _SOURCE)):
            continue
        low, high = (group.get(f"{name}{mark}") for mark in _SPAN)
        source, words = group.get(f"{name}{_SOURCE}"), units.size(value) if name in _BYTES else _number(value)
        if isinstance(low, int | float) and isinstance(high, int | float):
            words += f" ({_number(low, 3)} to {_number(high, 3)})"
        if isinstance(source, int | float):
            words += f"; the source {_number(source)}"
        yield KeptFigure(name=name, title=title_of(name), value=float(value), words=words)


def title_of(name: str) -> str:
    """What the figure called ``name`` is called for people."""
    return _TITLES.get(name, name.replace("_", " "))


def groups_in(measurements: Measurements) -> dict[str, Mapping[str, Figure]]:
    """The groups of figures, by name; figures that stand alone come as the group ""."""
    alone = {name: value for name, value in measurements.items() if not isinstance(value, Mapping)}
    grouped = {name: value for name, value in measurements.items() if isinstance(value, Mapping)}
    return {**({"": alone} if alone else {}), **grouped}


def is_stale(group: Mapping[str, Figure], folder: Path) -> bool:
    """Whether the weights in ``folder`` are other ones than those that were measured. Reads a little of each."""
    known = group.get(WEIGHTS)
    return isinstance(known, str) and bool(known) and known != fingerprint(folder)


def _number(value: float, digits: int = 4) -> str:
    """``0.0139``, ``0.0000811``, ``428.9``, ``12,345``: never with an exponent, which few can compare by eye."""
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    short = f"{value:.{digits}g}"
    if "e+" in short:
        return f"{float(short):,.0f}"
    return f"{float(short):.12f}".rstrip("0") if "e-" in short and abs(value) > 1e-9 else short
