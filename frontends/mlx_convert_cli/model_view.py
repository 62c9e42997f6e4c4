"""A converted model on a terminal: what is known of it, and how it compares with others of its source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlx_convert_cli.output import pairs, say, show, show_table, table
from mlx_convert_core.plugin import (
    MeasuredModel,
    ModelDetails,
    error_rows,
    figures_in,
    groups_in,
    is_stale,
    layer_rows,
    plain,
    title_of,
    units,
)

_COMPARED = ("kl_mean", "perplexity", "generation_tokens_per_second")


def show_details(details: ModelDetails, source: str) -> None:
    """Print everything; ``source`` is where the model came from, in words."""
    show(pairs((name, value) for name, value in _facts(details, source) if value))
    if details.trouble:
        say(details.trouble)
    rows = layer_rows(details.layers)
    if rows:
        say("")
        show_table(
            table(
                "layers",
                "size",
                "stored as",
                rows=((row.name, units.size(row.nbytes), row.words) for row in rows),
                right=("size",),
            )
        )
    _show_errors(details)
    if details.files:
        say("")
        files = (
            (file.name, units.size(file.size), "" if file.state == "same" else file.state, file.sha256)
            for file in details.files
        )
        show_table(table("files", "size", "", "sha256", rows=files, right=("size",)))
    if len(details.measured) > 1:
        say("")
        titles = [title_of(name) for name in _COMPARED]
        columns = ("of the same source", "size", "bits per weight", *titles)
        show_table(table(*columns, rows=map(_compared, details.measured), right=columns[1:]))


def _show_errors(details: ModelDetails) -> None:
    """What rounding each layer was measured to make, where its bits were chosen by that."""
    chosen = details.record.chosen
    rows = error_rows(chosen.errors) if chosen is not None else ()
    if chosen is not None and rows:
        say("")
        title = "expected divergence (nats)" if chosen.measure == "output" else "error of the layers"
        shown = ((row.name, f"{row.error:.3g}", "" if row.worst is None else f"{row.worst}") for row in rows)
        show_table(table("what rounding does", title, "most in block", rows=shown, right=(title, "most in block")))


def details_data(details: ModelDetails) -> dict[str, Any]:
    """What JSON has of ``details``, beside the entry itself."""
    record, found = details.record, details.fit
    return {
        "recipe": plain(record.recipe),
        "versions": plain(record.versions),
        "verification": plain(record.verification),
        "findings": plain(record.findings),
        "left_out": plain(record.left_out),
        "chosen": plain(record.chosen),
        "layers": [{**plain(layer), "bits_per_weight": layer.bits_per_weight} for layer in details.layers],
        "files": plain(details.files),
        "fit": {**plain(found), "needed": found.needed, "verdict": found.verdict},
        "same_source": [
            {
                "name": one.entry.name,
                "path": str(one.entry.path),
                "size": one.entry.size,
                "bits_per_weight": one.entry.bits_per_weight,
                "text": one.text,
                "figures": {name: figure.value for name, figure in one.figures.items()},
            }
            for one in details.measured
        ],
        "trouble": details.trouble,
    }


def _facts(details: ModelDetails, source: str) -> Iterator[tuple[str, str]]:
    entry, record = details.entry, details.record
    yield "name", entry.name
    yield "folder", f"{entry.path} (missing)" if entry.missing else str(entry.path)
    yield "size", units.size(entry.size)
    yield "quantization", entry.quantization
    yield "bits per weight", units.bits(entry.bits_per_weight)
    yield "model type", entry.model_type
    yield "takes", "text only" if entry.text_only else ""
    yield "source", source
    yield "preset", entry.preset
    yield "verified", ", ".join(details.verified)
    yield "made", entry.created if entry.made_here else f"{entry.created}, by another tool"
    yield "with", ", ".join(f"{name} {version}" for name, version in record.versions.items())
    yield "left out", "; ".join(part.words for part in record.left_out)
    if details.layers:
        yield "fits here", f"{details.fit.words}. {details.fit.reason}"
    yield from _measured(details)


def _measured(details: ModelDetails) -> Iterator[tuple[str, str]]:
    entry = details.entry
    for name, group in groups_in(entry.measurements).items():
        yield from ((figure.title, figure.words) for figure in figures_in(group))
        yield from ((key, str(group[key])) for key in ("verdict", "against", "device") if key in group)
        if is_stale(group, entry.path):
            yield f"{name} measured", f"{group.get('measured', '')}, before the weights were changed"


def _compared(one: MeasuredModel) -> tuple[str, ...]:
    figures = (one.figures[name].words if name in one.figures else "" for name in _COMPARED)
    return (one.entry.name, units.size(one.entry.size), units.bits(one.entry.bits_per_weight), *figures)
