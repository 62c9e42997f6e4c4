"""What a comparison came to, model by model: as rows for a table, and as documents to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from mlx_convert_core import GenerateResult, JobState, to_json
from mlx_convert_core.plugin import plain, units
from mlx_convert_ui.state.comparisons import Column, ShownComparison
from mlx_convert_ui.state.naming import differing
from mlx_convert_ui.words import _, given

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute instead of show


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One model's answer in figures; those of an answer that was not finished are None.

    ``short`` is the part of ``name`` that tells it from the others. ``words_alike`` of the ``words`` of its answer are
    those of the first model's, from the beginning on; for the first model all of them.
    """

    name: str
    short: str
    size: int = 0
    bits_per_weight: float = 0.0
    quantization: str = ""
    tokens: int | None = None
    tokens_per_second: float | None = None
    first_token: float | None = None
    peak_memory: int | None = None
    words: int = 0
    words_alike: int | None = None
    same: bool = False
    answer: str = ""
    error: str = ""


def compared(shown: ShownComparison) -> tuple[Compared, ...]:
    """A row for each column, as far as it has come."""
    shorts = differing([column.view.model for column in shown.columns])
    return tuple(_row(shown, index, column, shorts[index]) for index, column in enumerate(shown.columns))


def markdown(shown: ShownComparison) -> str:
    """The question, a table of figures, and the answers, for people to read."""
    request = shown.comparison.request
    rows = compared(shown)
    parts = [f"# {_('Comparison')}", f"## {_('Prompt')}", request.prompt]
    if request.system:
        parts += [f"## {_('System prompt')}", request.system]
    parts += [f"{_('Seed {seed}', seed=request.seed)} · {_('Temperature')} {request.temperature:g}"]
    head = (_("Model"), _("Size"), _("Tokens"), _("Tokens/s"), _("First token after"), _("Words as model 1"))
    lines = [" | ".join(head), " | ".join(["---"] * len(head)), *(" | ".join(_cells(one)) for one in rows)]
    parts += ["\n".join(f"| {line} |" for line in lines)]
    for one in rows:
        parts += [f"## {one.name}", one.answer or given(one.error) or "–"]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def as_json(shown: ShownComparison) -> str:
    """Everything, for programs: the request, and a row for each model."""
    document = {"request": plain(shown.comparison.request), "models": [plain(one) for one in compared(shown)]}
    return to_json(document, indent=True).decode()


def as_csv(shown: ShownComparison) -> str:
    """A line for each model, for spreadsheets."""
    rows = [plain(one) for one in compared(shown)]
    written = io.StringIO()
    writer = csv.DictWriter(written, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return written.getvalue()


def share(one: Compared) -> float | None:
    """Which part of its answer, from the beginning on, is that of the first model: 0 to 1."""
    if one.words_alike is None:
        return None
    return 1.0 if one.same else one.words_alike / max(1, one.words)


def _row(shown: ShownComparison, index: int, column: Column, short: str) -> Compared:
    view, entry, first = column.view, column.entry, shown.columns[0].view
    result = view.job.result() if view.state is JobState.FINISHED else None
    place = shown.parting(index) if index else None
    text = view.text
    ended = result is not None and first.state is JobState.FINISHED
    same = ended and place is None
    alike = len(text.split()) if same else len(text[:place].split()) if place is not None else None
    return Compared(
        name=view.model,
        short=short,
        size=entry.size if entry else 0,
        bits_per_weight=entry.bits_per_weight if entry else 0.0,
        quantization=entry.quantization if entry else "",
        words=len(text.split()),
        words_alike=alike,
        same=same,
        answer=text,
        error=view.error.message if view.error is not None else "",
        **_figures(result),
    )


def _figures(result: GenerateResult | None) -> dict[str, float | int]:
    if result is None:
        return {}
    return {
        "tokens": result.generation_tokens,
        "tokens_per_second": result.generation_tokens_per_second,
        "first_token": result.time_to_first_token,
        "peak_memory": result.peak_memory,
    }


def _cells(one: Compared) -> Iterator[str]:
    yield one.name.replace("|", "\\|")
    yield units.size(one.size) if one.size else "–"
    yield str(one.tokens) if one.tokens is not None else "–"
    yield f"{one.tokens_per_second:.1f}" if one.tokens_per_second is not None else "–"
    yield units.duration(one.first_token) if one.first_token is not None else "–"
    yield f"{part:.0%}" if (part := share(one)) is not None else "–"


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
