"""`mlx-convert plugins`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from mlx_convert_cli.groups import DefaultGroup
from mlx_convert_cli.options import common
from mlx_convert_cli.output import data_only, print_json, put, say, show, show_command, show_table, table
from mlx_convert_cli.text import nearby
from mlx_convert_core import Workspace
from mlx_convert_core.plugin import LoadedPlugin, PluginFailure, command, expanded, plain


@click.group(cls=DefaultGroup, default="list")
def plugins() -> None:
    """List the plugins, and what went wrong with any; begin one of your own."""


@plugins.command("list")
@common
def list_plugins(as_json: bool) -> None:
    """List the plugins in the order in which their hooks are called, then what is not used."""
    with data_only(), Workspace() as opened:
        offered = opened.contributions()  # a fault there is found only when everything is asked for
        loaded, failures = opened.plugins, (*opened.plugin_failures, *_hidden(offered))
    if as_json:
        print_json({"plugins": [_data(plugin) for plugin in loaded], "failures": plain(failures)})
        return
    rows = [
        (plugin.spec.name, _origin(plugin), f"{plugin.seconds:.2f} s", ", ".join(plugin.hooks)) for plugin in loaded
    ]
    show_table(table("plugin", "from", "loads in", "hooks", rows=rows))
    if failures:
        _show_failures(failures)


@plugins.command("new")
@click.argument("name")
@click.option("-o", "--output", type=click.Path(), help="The new folder; without it, ./mlx-convert-NAME.")
@common
def new_plugin(name: str, output: str | None, as_json: bool) -> None:
    """Begin a plugin called NAME: a package that installs, with a preset, a finding, an upload target and tests."""
    from mlx_convert_cli.new_plugin import plugin_name, refuse_taken, write_plugin

    named = plugin_name(name)
    with Workspace() as opened:
        refuse_taken(named, opened)
    folder = (expanded(output) if output else Path(named.package)).absolute()
    files = write_plugin(named, folder)
    if as_json:
        made = {"plugin": named.plugin, "package": named.package, "module": named.module}
        print_json({**made, "path": folder, "files": files})
        return
    put(str(folder))
    say()
    say(f"{len(files)} files: a plugin that works, to be changed into yours. Its README.md says how.")
    show_command("Next: ", f"{command('cd', nearby(folder))} && cat README.md", err=True)


def _hidden(offered: Mapping[str, Mapping[str, tuple[str, ...]]]) -> Iterator[PluginFailure]:
    """The commands of plugins that are called as one of ours, which is the one that runs."""
    from mlx_convert_cli.main import BUILT_IN

    for plugin, adds in offered.items():
        for name in adds.get("commands", ()):
            if name in BUILT_IN:
                reason = f"'{name}' is a command of mlx-convert itself; its own has to be called otherwise."
                yield PluginFailure(plugin=plugin, distribution="", reason=reason, hook="register_commands")


def _show_failures(failures: tuple[PluginFailure, ...]) -> None:
    from rich.text import Text

    show("", Text("Not used:", "bold red"))
    rows = [(failure.plugin, failure.distribution, failure.hook, failure.reason) for failure in failures]
    show_table(table("plugin", "from", "hook", "reason", rows=rows))


def _origin(plugin: LoadedPlugin) -> str:
    spec = plugin.spec
    return f"{spec.distribution} {spec.version}".strip() or spec.target


def _data(plugin: LoadedPlugin) -> dict[str, object]:
    spec: dict[str, object] = plain(plugin.spec)
    return {**spec, "built_in": plugin.spec.built_in, "hooks": plugin.hooks, "seconds": round(plugin.seconds, 3)}
