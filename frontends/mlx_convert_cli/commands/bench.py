"""`mlx-convert bench`."""

from __future__ import annotations

from typing import Any

import click

from mlx_convert_cli.measure_view import show_speed
from mlx_convert_cli.options import common, insisting, trusting
from mlx_convert_cli.progress import follow
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import BenchRequest


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--prompt-tokens", "prompts", type=int, multiple=True, help="Length of the prompt; several times. [512]")
@click.option("--answer-tokens", "answer", type=int, help="Length of the answer. [128]")
@click.option("--runs", type=int, help="Answers that count, for each length. [3]")
@trusting
@insisting
@common
def bench(models: tuple[str, ...], as_json: bool, **values: Any) -> None:
    """Measure how fast MODEL, a converted folder or a name in the library, is on this machine.

    Each model is loaded once and warmed up by an answer that does not count. The figures are kept with it.
    """
    request = BenchRequest(**{name: value for name, value in values.items() if value not in (None, ())})
    with workspace(as_json=as_json) as opened:
        paths = [opened.model_path(model) for model in models]
        results = [follow(opened.bench(path, request), as_json=as_json) for path in paths]
    if not as_json:
        show_speed(results)
