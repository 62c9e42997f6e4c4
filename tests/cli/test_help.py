"""`--help` costs nothing, and every command can be found."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import metadata

import pytest
from click.testing import Result
from mlx_convert_cli.main import BUILT_IN

from mlx_convert_core.plugin import entry_points

Run = Callable[..., Result]
HEAVY = ("mlx", "mlx_lm", "transformers", "huggingface_hub", "nicegui", "rich", "numpy", "gguf")
PLUGINS = ("mlx_convert_lm", "mlx_convert_hub", "mlx_convert_library", "mlx_convert_gguf", "mlx_convert_quality")
UNUSED = (
    "mlx_convert_engine",
    *(
        f"mlx_convert_core.{name}"
        for name in ("converting.", "writing.", "answering.model", "home.conv", "model.requests", "model.results")
    ),
    *(
        f"{plugin}."
        for plugin in (
            "mlx_convert_gguf",
            "mlx_convert_hub",
            "mlx_convert_lm.converter",
            "mlx_convert_quality",
            "mlx_convert_ui",
        )
    ),
)
MODULES_AFTER = """
import sys
sys.argv = ["mlx-convert", *sys.argv[1:]]
try:
    from mlx_convert_cli.main import main
    main()
except SystemExit as end:
    print("EXIT", end.code, *sys.modules, file=sys.stderr)
"""


def imported_by(*arguments: str) -> set[str]:
    """The top-level packages that the program has imported when it ends."""
    return {name.partition(".")[0] for name in modules_after(*arguments)}


def modules_after(*arguments: str) -> list[str]:
    """The modules that the program has imported when it ends."""
    ended = subprocess.run([sys.executable, "-c", MODULES_AFTER, *arguments], capture_output=True, text=True)
    *_, last = ended.stderr.splitlines()
    mark, code, *modules = last.split()
    assert (mark, code) == ("EXIT", "0"), ended.stderr
    return modules


def test_help_imports_nothing_heavy_and_of_the_core_only_what_finds_plugins() -> None:
    assert not imported_by("--help") & {*HEAVY, *PLUGINS}
    core = {name for name in modules_after("--help") if name.startswith("mlx_convert_core.")}
    assert core == {f"mlx_convert_core.{name}" for name in ("base", "base.entry_points", "base.on_demand", "plugin")}


@pytest.mark.parametrize("arguments", [("library", "list"), ("settings",)], ids=" ".join)
def test_a_short_command_leaves_alone_what_it_does_not_need(arguments: tuple[str, ...]) -> None:
    """What a conversion, an answer or the Hub takes is imported by the commands that use it."""
    modules = modules_after(*arguments)
    assert not set(modules) & {*HEAVY, "filelock", "importlib.metadata", "psutil", "ssl", "subprocess"}
    assert not {name for name in modules if name.startswith(UNUSED)}


@pytest.mark.parametrize("command", BUILT_IN)
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    assert not imported_by(command, "--help") & set(HEAVY)


@pytest.mark.parametrize("group", ["mlx_convert", "mlx_convert_commands", "pytest11"])
def test_entry_points_are_those_that_python_itself_finds(group: str) -> None:
    found = {
        (point.name, point.value, point.dist.name, point.dist.version)
        for point in metadata.entry_points(group=group)
        if point.dist is not None
    }
    assert found
    assert set(entry_points(group)) == found


def test_help_lists_every_command_with_its_summary(run: Run) -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    for name, (_, summary) in BUILT_IN.items():
        assert f"  {name}" in shown.output
        assert summary in shown.output


def test_help_lists_the_commands_of_plugins(run: Run) -> None:
    assert "architectures  from mlx_convert_lm" in run("--help").output


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    assert run().output == run("--help").output
    assert run().exit_code == 0


def test_the_version_is_the_packages(run: Run) -> None:
    assert run("--version").output.startswith("mlx-convert, version ")


def test_a_command_of_a_plugin_runs(run: Run) -> None:
    found = run("architectures", "llama")
    assert found.exit_code == 0
    assert "llama" in found.stdout.splitlines()


def test_a_command_of_a_single_file_plugin_runs(run: Run, add_plugin: Callable[[str, str], None]) -> None:
    add_plugin(
        "greeting",
        """
import click
from mlx_convert_core.plugin import Command, hookimpl

@click.command()
def hello():
    click.echo("hello")

@hookimpl
def register_commands():
    yield Command(name="hello", summary="Say hello", load=lambda: hello)
""",
    )
    assert run("hello").stdout == "hello\n"


def test_a_command_that_is_nearly_right_is_suggested(run: Run) -> None:
    ended = run("convrt")
    assert ended.exit_code == 2
    assert ended.stderr == (
        "error [usage]: there is no command 'convrt'. Did you mean 'convert'?\n  next: mlx-convert --help\n"
    )


def test_a_command_of_a_plugin_that_is_left_out_is_told_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "mlx_convert_hub")
    ended = run("architectures")
    assert ended.exit_code == 2
    assert "the plugin that offers 'architectures' is not in use" in ended.stderr
