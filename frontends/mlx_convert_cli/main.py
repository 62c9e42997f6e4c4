"""`mlx-convert`: a group whose commands are imported only when they run.

`mlx-convert --help` needs click and nothing else: summaries of built-in commands stand in a table, and
the names of plugins' commands in entry-point metadata.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from mlx_convert_cli.arguments import ARGUMENTS
from mlx_convert_cli.errors import report
from mlx_convert_core.plugin import entry_points

PLUGIN_COMMANDS = "mlx_convert_commands"  # entry-point group: a command's name -> its plugin's module

# Name -> module, summary. The module has the click command under the command's name.
BUILT_IN: dict[str, tuple[str, str]] = {
    "search": ("mlx_convert_cli.commands.search", "Find models by words of their names"),
    "info": ("mlx_convert_cli.commands.info", "Show what a model is before it is converted"),
    "get": ("mlx_convert_cli.commands.get", "Fetch a model that is MLX already into the library"),
    "convert": ("mlx_convert_cli.commands.convert", "Convert a model to MLX"),
    "plan": ("mlx_convert_cli.commands.plan", "Show what a conversion would do: verdict, sizes, memory"),
    "presets": ("mlx_convert_cli.commands.presets", "List the presets, with when to pick which"),
    "generate": ("mlx_convert_cli.commands.generate", "Answer one prompt with a converted model"),
    "chat": ("mlx_convert_cli.commands.chat", "Talk with a converted model"),
    "compare": ("mlx_convert_cli.commands.compare", "Put one question to several models, side by side"),
    "measure": ("mlx_convert_cli.commands.measure", "Measure how close models are to their source"),
    "bench": ("mlx_convert_cli.commands.bench", "Measure how fast models are here"),
    "conversations": ("mlx_convert_cli.commands.conversations", "List, show, export and delete what was chatted"),
    "upload": ("mlx_convert_cli.commands.upload", "Send a converted model to the Hub or into a folder"),
    "account": ("mlx_convert_cli.commands.account", "Show who is signed in to the Hub; sign in and out"),
    "library": ("mlx_convert_cli.commands.library", "List, show, find and remove converted models"),
    "queue": ("mlx_convert_cli.commands.queue", "Line up conversions and have them done one by one"),
    "recipe": ("mlx_convert_cli.commands.recipe", "Share how a model was made, as a small file"),
    "demo": ("mlx_convert_cli.commands.demo", "Convert a small real model and ask it something"),
    "settings": ("mlx_convert_cli.commands.settings", "Show or change the settings"),
    "plugins": ("mlx_convert_cli.commands.plugins", "List the plugins, and what went wrong; begin one"),
    "explain": ("mlx_convert_cli.commands.explain", "Say what the code of an error means, and what to do"),
    "doctor": ("mlx_convert_cli.commands.doctor", "Check this machine and this installation"),
}


class LazyGroup(click.Group):
    """Imports a built-in command by the table, any other through the plugin that offers it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it; what was typed is kept, so that a next step can be told as the same with a difference."""
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, without importing a command."""
        return [*BUILT_IN, *sorted(_plugin_commands())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None when nobody offers it."""
        if cmd_name in BUILT_IN:
            command: click.Command = getattr(import_module(BUILT_IN[cmd_name][0]), cmd_name)
            return command
        return None if cmd_name.startswith("-") else _from_plugins(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with a suggestion for a name that is nearly right."""
        name = args[0]
        if name.startswith("-"):
            return super().resolve_command(ctx, args)
        command = self.get_command(ctx, name)
        if command is None:
            raise _no_command(name, self.list_commands(ctx), ctx)
        return name, command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help text, from names and summaries alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in BUILT_IN.items()])
        added = {name: module for name, module in _plugin_commands().items() if name not in BUILT_IN}
        if added:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(_shown(name), f"from {_shown(module)}") for name, module in sorted(added.items())])

    def main(self, args: Sequence[str] | None = None, *positional: Any, **extra: Any) -> Any:
        """Run, tell any error in one form, and leave with its exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            code = super().main(arguments, *positional, **extra)
        except (Exception, KeyboardInterrupt) as error:
            code = report(error, arguments)
        sys.exit(code if isinstance(code, int) else 0)


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mlx-convert", prog_name="mlx-convert")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Convert models to MLX, check the result, try it and keep it."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """The program."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal without UTF-8 shows "?" and goes on; what is piped in is kept as it is, and refused by name.
            piped = stream is sys.stdin and not stream.isatty()
            stream.reconfigure(errors="surrogateescape" if piped else "replace")
    cli.main(prog_name="mlx-convert")


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _plugin_commands() -> dict[str, str]:
    return {point.name: point.module for point in reversed(list(entry_points(PLUGIN_COMMANDS)))}  # the first counts


def _from_plugins(name: str) -> click.Command | None:
    from mlx_convert_core import Workspace

    with Workspace() as workspace:
        offered = workspace.commands().get(name)
        if offered is None:
            return None
        try:
            command: click.Command | None = offered.load()
        except (Exception, SystemExit) as error:
            raise workspace.fault("register_commands", name, error) from error
        return command


def _no_command(name: str, known: list[str], ctx: click.Context) -> click.UsageError:
    from difflib import get_close_matches

    if name in known:
        return click.UsageError(f"the plugin that offers '{name}' is not in use; see `mlx-convert plugins list`.", ctx)
    close = get_close_matches(name, known, n=1)
    return click.UsageError(f"there is no command '{name}'." + (f" Did you mean '{close[0]}'?" if close else ""), ctx)
