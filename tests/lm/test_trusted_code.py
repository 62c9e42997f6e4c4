"""A model's own Python code runs when a person says so, each time, and never otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from mlx_convert_cli.main import cli
from samples.own_code import write_model_with_own_code

from mlx_convert_core import GenerateRequest, InvalidRequest, Workspace

REQUEST = GenerateRequest(prompt="hi", max_tokens=1, temperature=0)


@pytest.fixture(scope="session")
def _model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model_with_own_code(tmp_path_factory.mktemp("own"))


@pytest.fixture
def model(_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(_model, tmp_path / "own-code")


def run(*arguments: object, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments], input=stdin)


def test_it_does_not_run_unasked(workspace: Workspace, model: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        workspace.generate(model, REQUEST).result()
    assert caught.value.code == "custom_code"
    assert not (model / "ran").exists()


def test_it_runs_for_one_answer(workspace: Workspace, model: Path) -> None:
    assert workspace.generate(model, REQUEST, trust_remote_code=True).result().generation_tokens == 1
    assert (model / "ran").exists()
    with pytest.raises(InvalidRequest):
        workspace.generate(model, REQUEST).result()


def test_in_a_comparison_only_that_of_the_models_that_are_named(
    workspace: Workspace, model: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(model, tmp_path / "other")
    result = workspace.compare([model, other], REQUEST, trusted=[model]).job.result()
    assert [column.error.code if column.error else "" for column in result.answers] == ["", "custom_code"]
    assert (model / "ran").exists()
    assert not (other / "ran").exists()


@pytest.mark.parametrize("command", ["generate", "chat", "compare"])
def test_the_command_line_takes_the_option_that_it_names(command: str, model: Path) -> None:
    arguments = {"generate": [model, "hi"], "chat": [model], "compare": [model, model, "--prompt", "hi"]}[command]
    refused = run(command, *arguments, "--max-tokens", 1, stdin="hi\n")
    assert refused.exit_code != 0
    assert "if you trust its author: mlx-convert" in " ".join((refused.stdout + refused.stderr).split())
    assert not (model / "ran").exists()
    allowed = run(command, *arguments, "--max-tokens", 1, "--trust-remote-code", stdin="hi\n")
    assert allowed.exit_code == 0, allowed.stderr
    assert (model / "ran").exists()
