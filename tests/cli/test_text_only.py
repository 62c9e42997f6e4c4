"""A model for pictures: its text model is converted once a person has said that text only is enough."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from samples.seeing import write_seeing

Run = Callable[..., Result]


@pytest.fixture
def seeing(tiny_llama: Path, tmp_path: Path) -> Path:
    return write_seeing(tiny_llama, tmp_path / "seeing")


def test_without_anybody_to_ask_it_is_refused_and_the_flag_is_named(run: Run, seeing: Path, tmp_path: Path) -> None:
    ended = run("convert", seeing, "-o", "out", input="y\n")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("error [text_only]: seeing takes pictures besides text; the result takes text only:")
    assert "the vision tower (1 tensor, 512 bytes)" in ended.stderr
    assert "--text-only" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_the_flag_makes_a_text_model_that_says_so(run: Run, seeing: Path, tmp_path: Path) -> None:
    ended = run("convert", seeing, "-o", "out", "--text-only")
    assert ended.exit_code == 0
    assert "warning [text_only]: " in ended.stderr
    assert not list((tmp_path / "out").glob("*processor_config.json"))
    assert "text only" in run("library", "show", "out").stdout
    assert run("recipe", "export", "out", "-o", "recipe.json").exit_code == 0
    assert json.loads((tmp_path / "recipe.json").read_text())["text_only"]
    again = run("convert", seeing, "--recipe", "recipe.json", "-o", "again")
    assert again.exit_code == 0, again.stderr


def test_a_plan_is_refused_like_the_conversion_and_names_each_part(run: Run, seeing: Path) -> None:
    refused = run("plan", seeing)
    assert refused.exit_code == 1
    assert "the vision tower (1 tensor, 512 bytes) and the projector" in " ".join(refused.stdout.split())
    agreed = run("plan", seeing, "--text-only", "--json")
    assert agreed.exit_code == 0
    output = json.loads(agreed.stdout)["outputs"][0]
    assert output["text_only"]
    assert [(part["kind"], part["tensors"], part["nbytes"]) for part in output["left_out"]] == [
        ("vision", 1, 512),
        ("projector", 1, 512),
    ]


def test_at_a_terminal_the_person_is_asked(terminal: Callable[..., Any], seeing: Path, tmp_path: Path) -> None:
    program = terminal("convert", seeing, "-o", "out")
    program.expect("Convert the text model alone?")
    program.type("n\n")
    assert program.wait() == 1
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*partial*"))
    program = terminal("convert", seeing, "-o", "out")
    program.expect("Convert the text model alone?")
    program.type("y\n")
    assert program.wait() == 0
    assert (tmp_path / "out" / "config.json").exists()


def test_the_queue_carries_what_was_agreed_to(run: Run, seeing: Path) -> None:
    run("queue", "add", seeing, "--preset", "bf16")
    assert run("queue", "run").exit_code == 1
    assert json.loads(run("queue", "list", "--json").stdout)[0]["error"]["code"] == "text_only"
    run("queue", "clear")
    run("queue", "add", seeing, "--preset", "bf16", "--text-only")
    assert run("queue", "run").exit_code == 0
