"""`mlx-convert search`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress

import click

from mlx_convert_cli.errors import tell
from mlx_convert_cli.listing import Listing
from mlx_convert_cli.options import common
from mlx_convert_cli.output import print_json, say, show_table, table
from mlx_convert_cli.workspace import workspace
from mlx_convert_core.plugin import MOST_FOUND, SearchHit, SearchResult, units


@click.command()
@click.argument("words", nargs=-1, metavar="[TEXT]...")
@click.option("-p", "--preset", default="", help="What sizes are told for; by default the preset of the settings.")
@click.option("--limit", type=click.IntRange(1, MOST_FOUND), default=20, show_default=True, help="At most so many.")
@common
def search(words: tuple[str, ...], preset: str, limit: int, as_json: bool) -> None:
    """Find models whose names have the words TEXT; without any, some to begin with.

    \b
    mlx-convert search qwen 4b instruct
    mlx-convert search smollm --preset 8bit
    """
    text = " ".join(words).strip()
    with workspace(as_json=as_json) as opened:
        preset = preset or opened.settings.load().preset
        found = opened.search(text, preset=preset, limit=limit)
    if as_json:
        print_json(found)
        return
    _tell(found, text)
    if found.hits:
        show_table(_table(found.hits, preset))


def _tell(found: SearchResult, text: str) -> None:
    """What is to be known of the list before it is read."""
    for finding in found.findings:
        tell("warning", finding.message, color="yellow")
    if not found.hits:
        say(f"No model is called so: {text}" if text else "Nobody suggests a model.")
    elif found.near:
        say(f"No model is called so: {text}. These have names like it:")


def _table(hits: Sequence[SearchHit], preset: str) -> Listing:
    """The columns in which any of the models has something."""
    numbers = (preset, "parameters", "downloads", "likes")
    names, rows = ("model", *numbers, "updated", "licence", ""), [*map(_row, hits)]
    used = [any(row[column] for row in rows) for column in range(len(names))]
    return table(*compress(names, used), rows=(tuple(compress(row, used)) for row in rows), right=numbers)


def _row(hit: SearchHit) -> tuple[str, ...]:
    model = hit.model
    return (
        model.ref,
        ("" if model.ready else "≈ ") + units.size(hit.weight_bytes) if hit.weight_bytes else "",
        units.count(model.parameters) if model.parameters and not model.ready else "",
        units.count(model.downloads) if model.downloads is not None else "",
        units.count(model.likes) if model.likes is not None else "",
        model.updated[:10],
        model.licence,
        ", ".join(_remarks(hit)),
    )


def _remarks(hit: SearchHit) -> Iterator[str]:
    """What there is to say of a model in a few words; what speaks against it first."""
    if hit.refused is not None and not hit.model.ready:
        yield f"not supported: {hit.model.model_type}"
    if hit.fit is not None and hit.fit.verdict != "runs":
        yield f"{hit.fit.words.lower()} for this machine"
    if hit.model.gated:
        yield "to be asked for"
    if hit.model.ready:
        yield f"MLX already, {hit.model.bits} bit" if hit.model.bits else "MLX already"
    if hit.model.why:
        yield hit.model.why
