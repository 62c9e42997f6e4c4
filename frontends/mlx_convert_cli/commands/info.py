"""`mlx-convert info`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import click

from mlx_convert_cli.options import common
from mlx_convert_cli.output import print_json, put
from mlx_convert_cli.source_view import show_source, source_data
from mlx_convert_cli.waiting import waiting
from mlx_convert_cli.workspace import workspace


@click.command()
@click.argument("ref")
@click.option("--revision", help="A branch, tag or commit of a repo.")
@click.option("--card", is_flag=True, help="Print the model's card and nothing else.")
@common
def info(ref: str, revision: str | None, card: bool, as_json: bool) -> None:
    """Show what REF is before anything is converted: verdict, sizes, licence, files, what others have made of it.

    Exit code 1 says that it can't be converted and is no MLX model either.

    \b
    mlx-convert info Qwen/Qwen2.5-0.5B-Instruct
    mlx-convert info Qwen/Qwen2.5-0.5B-Instruct --card
    """
    quiet: AbstractContextManager[None] = nullcontext()
    with workspace(as_json=as_json) as opened, quiet if as_json else waiting("looking"):
        found = opened.about(ref, revision)
    if as_json:
        print_json(source_data(found))
    elif card:
        put(found.about.card)
    else:
        show_source(found)
    if found.refused is not None and not found.ready:
        click.get_current_context().exit(1)
