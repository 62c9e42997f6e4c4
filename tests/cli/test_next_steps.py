"""Remedies as commands: what was typed, with what is to be different, quoted for a shell."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import mlx_convert_ui
import pytest
from mlx_convert_cli.main import cli
from mlx_convert_cli.remedies import LONGEST, in_words, next_steps

from mlx_convert_core.plugin import (
    ChooseOutput,
    LeaveOut,
    OpenPage,
    Remedy,
    Replace,
    RunCommand,
    RunElsewhere,
    SetOption,
    SignIn,
    UseInstead,
)
from mlx_convert_core.remedies import Operation

UI = Path(mlx_convert_ui.__file__).parent
TYPED = ("convert", "My Disk/ü [x]", "-p", "4bit", "--group-size=128", "--discard-source")


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        (Replace(), [*TYPED, "--force"]),
        (SetOption("group_size", 32), [*TYPED[:4], "--discard-source", "--group-size", "32"]),
        (SetOption("preset", "bf16"), [TYPED[0], TYPED[1], *TYPED[4:], "--preset", "bf16"]),
        (SetOption("trust_remote_code", True), [*TYPED, "--trust-remote-code"]),
        (LeaveOut("discard_source"), [*TYPED[:-1]]),
        (ChooseOutput("/Volumes/My Disk/model-2"), [*TYPED, "--output", "/Volumes/My Disk/model-2"]),
        (ChooseOutput(), [*TYPED, "--output", "OUTPUT"]),
        (UseInstead("org/base"), ["convert", "org/base"]),
        (SignIn(), ["account", "sign-in"]),
        (RunCommand("library remove", ("/a b",), ("keep_files",)), ["library", "remove", "/a b", "--keep-files"]),
    ],
)
def test_a_remedy_is_a_command_of_the_users_own_words(remedy: Remedy, words: list[str]) -> None:
    assert shlex.split(in_words(remedy, TYPED)) == ["mlx-convert", *words]


def test_a_command_that_was_not_one_request_gets_the_option_alone() -> None:
    assert in_words(SetOption("dtype", "bfloat16"), ("queue", "run")) == "--dtype bfloat16"
    assert in_words(Replace()) == "--force"
    assert in_words(Replace(), ("upload", "a", "--to", "hub:b")).endswith("upload a --to hub:b --replace")
    assert in_words(LeaveOut("mode"), ("presets",)) == "leave --mode out"


def test_a_long_prompt_does_not_hide_the_difference() -> None:
    assert in_words(SetOption("trust_remote_code", True), ("generate", "m", "why " * LONGEST)) == "--trust-remote-code"


def test_several_outputs_need_a_person_to_say_which() -> None:
    typed = ("convert", "a", "-p", "4bit", "-p", "8bit")
    assert in_words(ChooseOutput("/x-2"), typed) == "--output /x-2"


def test_options_stay_before_a_double_dash() -> None:
    assert in_words(Replace(), ("convert", "--", "-odd")) == "mlx-convert convert --force -- -odd"


def test_a_secret_in_what_was_typed_is_not_repeated() -> None:
    assert "hunter2" not in in_words(Replace(), ("convert", "https://me:hunter2@host/org/name"))


def test_one_remedy_ends_the_sentence_and_several_follow_it() -> None:
    page = OpenPage("https://example.org")
    assert next_steps("Look there.", (page,), ()) == ["Look there: https://example.org"]
    assert next_steps("Look there.", (page, RunElsewhere("git lfs pull")), ()) == [
        "Look there.",
        "https://example.org",
        "git lfs pull",
    ]
    assert next_steps("", (page,), ()) == ["https://example.org"]


def test_a_path_of_this_machine_is_typed_as_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert in_words(RunCommand("library scan", (str(tmp_path / "a b"),))) == "mlx-convert library scan ~/'a b'"


@pytest.mark.parametrize("operation", get_args(Operation))
def test_every_command_that_a_next_step_names_is_there(operation: str) -> None:
    assert typable(operation.split())


def test_every_command_that_the_app_names_is_there() -> None:
    named = {line for path in UI.rglob("*.py") for line in commands_in(path)}
    assert {"ui", "plugins new NAME"} <= named
    assert not [line for line in named if not typable(line.split())]
    assert not typable(["plugins", "fresh", "NAME"])


def commands_in(path: Path) -> Iterator[str]:
    """What follows ``mlx-convert`` in the strings of a module, docstrings too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (
                line.strip() for line in re.findall(r"\bmlx-convert (?!was )((?:[a-z]+ ?)+(?:[A-Z]+)?)", node.value)
            )


def typable(words: list[str]) -> bool:
    """Whether ``words`` begin with a command, and with one of its own where it is a group."""
    group: click.Command = cli
    for word in words:
        if not isinstance(group, click.Group):
            return True
        found = group.get_command(click.Context(group), word)
        if found is None:
            return False
        group = found
    return True
