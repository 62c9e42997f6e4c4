"""`mlx-convert plugins`."""

from __future__ import annotations

import click

from mlx_convert_cli.groups import DefaultGroup
from mlx_convert_cli.options import common
from mlx_convert_cli.output import plain, print_json, show, table
from mlx_convert_core import LoadedPlugin, PluginFailure, Workspace


@click.group(cls=DefaultGroup, default="list")
def plugins() -> None:
    """List the plugins, and what went wrong with any."""


@plugins.command("list")
@common
def list_plugins(as_json: bool) -> None:
    """List the plugins in the order in which their hooks are called, then what is not used."""
    with Workspace() as opened:
        opened.commands()  # a fault there is found only when commands are asked for
        loaded, failures = opened.plugins, opened.plugin_failures
    if as_json:
        print_json({"plugins": [_data(plugin) for plugin in loaded], "failures": plain(failures)})
        return
    rows = [(plugin.spec.name, _origin(plugin), ", ".join(plugin.hooks)) for plugin in loaded]
    show(table("plugin", "from", "hooks", rows=rows))
    if failures:
        _show_failures(failures)


def _show_failures(failures: tuple[PluginFailure, ...]) -> None:
    from rich.text import Text

    show("", Text("Not used:", "bold red"))
    rows = [(failure.plugin, failure.distribution, failure.hook, failure.reason) for failure in failures]
    show(table("plugin", "from", "hook", "reason", rows=rows))


def _origin(plugin: LoadedPlugin) -> str:
    spec = plugin.spec
    return f"{spec.distribution} {spec.version}".strip() or spec.target


def _data(plugin: LoadedPlugin) -> dict[str, object]:
    spec: dict[str, object] = plain(plugin.spec)
    return {**spec, "built_in": plugin.spec.built_in, "hooks": plugin.hooks}
