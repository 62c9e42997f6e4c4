"""`mlx-convert settings`."""

from __future__ import annotations

import click

from mlx_convert_cli.groups import DefaultGroup
from mlx_convert_cli.options import check_preset, common
from mlx_convert_cli.output import print_json, show_table, table
from mlx_convert_cli.workspace import workspace
from mlx_convert_core.plugin import Settings

MEANINGS = {
    "output_folder": "where converted models go; not absolute: below the folder you are in",
    "preset": "the preset when none is named",
    "language": "what the app speaks; browser: what the browser asks for",
}


@click.group(cls=DefaultGroup, default="show")
def settings() -> None:
    """Show or change the settings."""


@settings.command("show")
@common
def show_settings(as_json: bool) -> None:
    """Show every setting."""
    with workspace(as_json=as_json) as opened:
        found = opened.settings.load()
    _print(found, as_json=as_json)


@settings.command("set")
@click.argument("name")
@click.argument("value")
@common
def set_setting(name: str, value: str, as_json: bool) -> None:
    """Set NAME to VALUE."""
    with workspace(as_json=as_json) as opened:
        if name == "preset":
            check_preset(value, opened.presets)
        found = opened.settings.set(name, value)
    _print(found, as_json=as_json)


def _print(found: Settings, *, as_json: bool) -> None:
    values = {name: getattr(found, name) for name in MEANINGS}
    if as_json:
        print_json(values)
        return
    rows = [(name, str(value), MEANINGS[name]) for name, value in values.items()]
    show_table(table("setting", "value", "meaning", rows=rows))
