"""`mlx-convert get`."""

from __future__ import annotations

import sys

import click

from mlx_convert_cli.options import common
from mlx_convert_cli.output import put, say, show_command
from mlx_convert_cli.progress import follow
from mlx_convert_cli.workspace import workspace
from mlx_convert_core.plugin import command, units


@click.command()
@click.argument("ref")
@common
def get(ref: str, as_json: bool) -> None:
    """Fetch REF, a model that is MLX already, and put it into the library: nothing is converted.

    \b
    mlx-convert get mlx-community/Qwen2.5-0.5B-Instruct-4bit
    """
    with workspace(as_json=as_json) as opened:
        entry = follow(opened.get(ref), as_json=as_json)
    if as_json:
        return
    say(f"{entry.name} is in the library: {units.size(entry.size)}, {entry.quantization}.")
    show_command("Talk with it: ", command("mlx-convert chat", entry.name), err=True)
    if not sys.stdout.isatty():
        put(str(entry.path))
