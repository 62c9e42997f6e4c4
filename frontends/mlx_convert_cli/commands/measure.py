"""`mlx-convert measure`."""

from __future__ import annotations

from typing import Any

import click

from mlx_convert_cli.measure_view import show_beside, show_quality
from mlx_convert_cli.options import common, insisting, trusting
from mlx_convert_cli.progress import follow
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import MeasureRequest


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--against", metavar="REF", help="What it was made from; left out, as its record says.")
@click.option("--revision", help="A branch, tag or commit of --against.")
@click.option("--text", metavar="FILE", help="A text of your own, or the name of one that a plugin offers.")
@click.option("--tokens", type=int, help="How much of the text is used. [8192]")
@click.option(
    "--tasks", metavar="FILE", help="Questions with known answers (JSON lines), or the name of some: questions-1."
)
@trusting
@insisting
@common
def measure(models: tuple[str, ...], as_json: bool, **values: Any) -> None:
    """Measure how close MODEL, a converted folder or a name in the library, is to what it was made from.

    Several models, made from one source, are compared over the same text. With --tasks, it is measured how many
    questions they answer rightly. The figures are kept with each model.
    """
    request = MeasureRequest(**{name: value for name, value in values.items() if value is not None})
    with workspace(as_json=as_json) as opened:
        paths = [opened.model_path(model) for model in models]
        results = [follow(opened.measure(path, request), as_json=as_json) for path in paths]
    if as_json:
        return
    if len(results) == 1:
        show_quality(results[0])
    else:
        show_beside(results)
