"""`mlx-convert presets`."""

from __future__ import annotations

import click

from mlx_convert_cli.options import common
from mlx_convert_cli.output import print_json, show, table
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import Preset


@click.command()
@common
def presets(as_json: bool) -> None:
    """List the presets: what to give to --preset, and when."""
    with workspace(as_json=as_json) as opened:
        offered = list(opened.presets.values())
        default = opened.settings.load().preset
    if as_json:
        print_json(offered)
        return
    _show(offered, default)


def _show(offered: list[Preset], default: str) -> None:
    from rich.text import Text

    general = [preset for preset in offered if preset.ref is None]
    rows = [(_name(preset, default), preset.title, _numbers(preset), preset.summary) for preset in general]
    show(table("preset", "title", "numbers", "when to pick it", rows=rows))
    made_for_one = [preset for preset in offered if preset.ref is not None]
    if not made_for_one:
        return
    rows = [(preset.name, str(preset.ref), _numbers(preset), preset.summary) for preset in made_for_one]
    show("", Text("Made for one model, which need not be named then:", "bold"))
    show(table("preset", "model", "numbers", "when to pick it", rows=rows))


def _name(preset: Preset, default: str) -> str:
    return f"{preset.name} (default)" if preset.name == default else preset.name


def _numbers(preset: Preset) -> str:
    numbers = str(preset.quantization or preset.dtype or "as it is")
    return f"{numbers}, mixed" if preset.strategy else numbers
