"""Every error has one form, for people and for programs, and an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from mlx_convert_cli.errors import tell
from mlx_convert_cli.findings import finding_texts
from mlx_convert_cli.remedies import next_steps

from mlx_convert_core import Finding

Run = Callable[..., Result]
BROKEN = """
import click
from mlx_convert_core.plugin import Command, hookimpl

@click.command()
@click.option("--json", "as_json", is_flag=True)
def explode(as_json):
    raise KeyError("lost")

@hookimpl
def register_commands():
    yield Command(name="explode", summary="Fail", load=lambda: explode)
"""


def test_an_error_says_code_message_and_next_step(run: Run) -> None:
    ended = run("generate", "nothing", "hello")
    assert ended.exit_code == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        "error [entry_not_found]: 'nothing' is not in the library.\n"
        "  next: Models in folders that the library does not know can be added.\n"
        "        mlx-convert library list\n"
        "        mlx-convert library scan FOLDER\n"
    )


def test_with_json_an_error_is_an_object(run: Run) -> None:
    ended = run("generate", "nothing", "hello", "--json")
    assert ended.exit_code == 1
    assert ended.stderr == ""
    error = json.loads(ended.stdout)["error"]
    assert (error["kind"], error["code"]) == ("EntryNotFound", "entry_not_found")
    assert error["message"] == "'nothing' is not in the library."
    assert error["remedies"][0] == {"do": "run_command", "name": "library list"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("convert",),
        ("convert", "x", "--nonsense"),
        ("convert", "x", "--bits", "many"),
        ("convert", "x", "--bits", "7"),
        ("convert", "x", "--group-size", "48"),
        ("convert", "x", "--mode", "mxfp4", "--bits", "8"),
        ("convert", "x", "--dtype", "int8"),
        ("convert", "x", "--preset", "4bit", "--preset", "4bit"),
        ("convert", "x", "--preset", "4bit", "--output", "a", "--output", "b"),
        ("convert", "x", "--preset", "nobody"),
        ("generate", "x", "hello", "--temperature", "3"),
        ("generate", "x", "hello", "--top-p", "1.1"),
        ("generate", "x", "hello", "--max-tokens", "0"),
        ("generate", "x", "  "),
        ("settings", "set", "colour", "blue"),
        ("library", "show"),
        ("nonsense",),
        ("--nonsense",),
    ],
)
@pytest.mark.parametrize("form", ["people", "programs"])
def test_a_bad_request_ends_with_2_and_says_what_to_do(run: Run, arguments: tuple[str, ...], form: str) -> None:
    if form == "people":
        ended = run(*arguments)
        lines = ended.stderr.splitlines()
        assert lines[0].startswith("error [")
        assert "]: " in lines[0]
        assert lines[1].startswith("  next: ")
        assert len(lines) == 2
        assert ended.stdout == ""
    else:
        ended = run(*arguments, "--json")
        assert set(json.loads(ended.stdout)["error"]) == {"kind", "code", "message", "hint", "remedies"}
    assert ended.exit_code == 2


def test_no_line_of_a_finding_passes_for_one_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """A name may hold a line that looks like ours; errors and findings have one layout."""
    found = Finding(code="odd", level="warning", message="two\nerror [lost]: it", hint="One step:\n  next: rm")
    (text,) = finding_texts([found])
    tell("warning [odd]", found.message, next_steps(found.hint, found.remedies), color="yellow")
    assert text.plain == "warning [odd]: two\n    error [lost]: it\n  next: One step:\n      next: rm"
    assert click.unstyle(capsys.readouterr().err) == f"{text.plain}\n"


def test_an_unexpected_error_is_short_and_names_debug(run: Run, add_plugin: Callable[[str, str], None]) -> None:
    add_plugin("broken", BROKEN)
    ended = run("explode")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("error [unexpected]: KeyError: 'lost'\n  next: ")
    assert "--debug" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_at_a_terminal_an_error_has_colors_unless_the_user_wants_none(terminal: Callable[..., Any]) -> None:
    for environment, colored in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        program = terminal("library", "show", "nothing", **environment)
        assert program.wait() == 1
        assert program.text.startswith("error [entry_not_found]: ")
        assert bool(program.controls) == colored


def test_debug_adds_the_traceback(run: Run, add_plugin: Callable[[str, str], None]) -> None:
    add_plugin("broken", BROKEN)
    ended = run("--debug", "explode")
    assert "Traceback (most recent call last)" in ended.stderr
    assert 'raise KeyError("lost")' in ended.stderr
    assert "error [unexpected]: KeyError: 'lost'\n" in ended.stderr


def test_debug_may_also_follow_the_command(run: Run, tmp_path: Path) -> None:
    ended = run("convert", tmp_path / "nothing", "--debug")
    assert "Traceback (most recent call last)" in ended.stderr
    assert ended.stderr.count("error [no_folder]") == 1


def test_control_characters_never_reach_the_terminal(run: Run, tiny_llama: Path) -> None:
    config = tiny_llama / "config.json"
    config.write_text(config.read_text().replace('"llama"', '"ll\\u001b[2Jama"'))
    ended = run("convert", tiny_llama)
    assert ended.exit_code == 1
    assert "ll[2Jama" in ended.stderr
    assert "\x1b" not in ended.output


def test_a_closed_pipe_ends_quietly(start: Callable[..., object]) -> None:
    program = start("presets")
    program.stdout.close()
    assert program.wait(60) == 1
    assert program.stderr.read() == ""


def test_a_broken_plugin_is_named_and_not_fatal(run: Run, add_plugin: Callable[[str, str], None]) -> None:
    add_plugin("broken", "import nothing_of_that_name")
    ended = run("presets")
    assert ended.exit_code == 0
    assert ended.stderr.startswith("warning: the plugin broken is not used: ModuleNotFoundError")
    assert "4bit" in ended.stdout


@pytest.mark.parametrize("option", ["--bits", "--group-size"])
def test_a_zero_is_refused_and_not_taken_for_nothing(run: Run, tiny_llama: Path, option: str) -> None:
    ended = run("plan", str(tiny_llama), option, "0")
    assert ended.exit_code == 2
    assert "0" in ended.stderr
