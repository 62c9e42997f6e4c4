"""`mlx-convert presets`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlx_convert_cli.options import common
from mlx_convert_cli.output import pairs, print_json, show
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import Preset

if TYPE_CHECKING:
    from rich.text import Text


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
    made_for_one = [preset for preset in offered if preset.ref is not None]
    show(pairs(_row(preset, default) for preset in general))
    if made_for_one:
        show("", Text("Made for one model, which need not be named then:", "bold"), "")
        show(pairs(_row(preset, default) for preset in made_for_one))


def _row(preset: Preset, default: str) -> tuple[str, Text]:
    """The name to type; beside it title and numbers, and below those the summary."""
    from rich.text import Text

    facts = [preset.title, _numbers(preset), *([preset.ref] if preset.ref else [])]
    if preset.name == default:
        facts.append("the default")
    return preset.name, Text.assemble((" · ".join(facts), "dim"), f"\n{preset.summary}")


def _numbers(preset: Preset) -> str:
    numbers = str(preset.quantization or preset.dtype or "as it is")
    return ", ".join([numbers, *(["mixed"] if preset.strategy else []), *([preset.method] if preset.method else [])])
