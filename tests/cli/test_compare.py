"""`compare`: answers with their figures, and where they part."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from mlx_convert_cli.compare_view import ComparisonView

from mlx_convert_core import ConvertRequest, Event, JobFinished, Workspace

Run = Callable[..., Result]
ASK = ("--prompt", "hello", "--temperature", "0", "--max-tokens", "12")


@pytest.fixture(scope="module")
def coarse_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the model of `tiny_model` with 2 bits: it says other nonsense. Read only."""
    from samples.tiny import write_tiny_llama

    folder = tmp_path_factory.mktemp("coarse")
    with Workspace(home=folder / "home") as workspace:
        request = ConvertRequest(ref=str(write_tiny_llama(folder / "source")), bits=2, output=folder / "tiny-2bit")
        return workspace.convert(request).result().path


def test_the_answers_come_with_figures_and_the_first_difference(run: Run, tiny_model: Path, coarse_model: Path) -> None:
    ended = run("compare", tiny_model, coarse_model, tiny_model, *ASK)
    assert ended.exit_code == 0, ended.stderr
    first, second, third = ended.stdout.split("## ")[1:]
    own = run("generate", tiny_model, "hello", *ASK[2:]).stdout
    assert first.startswith(f"tiny-8bit\n{own}")
    for part in (first, second, third):
        for figure in ("tokens/s", "bits per weight", "kB"):
            assert figure in part
    assert "differs from tiny-8bit at character " in second
    assert "the same as tiny-8bit" in third
    assert "--seed" in ended.stderr


def test_many_prompts_tell_how_often_models_say_the_same(run: Run, tiny_model: Path, coarse_model: Path) -> None:
    Path("own.txt").write_text("hello\nWhat is a number?\nAnd now?\n")
    asked = ("compare", tiny_model, tiny_model, coarse_model, "--prompts", "own.txt", "--max-tokens", "12")
    ended = run(*asked)
    assert ended.exit_code == 0, ended.stderr
    assert "first other token" in ended.stdout
    assert "100.0% (100.0% to 100.0%)" in ended.stdout
    assert "none in most" in ended.stdout
    assert "3 prompts of 'own.txt' · compared with tiny-8bit" in ended.stderr
    result = json.loads(run(*asked, "--json").stdout.splitlines()[-1])["result"]
    first, same, other = result["models"]
    assert (same["same"]["value"], other["unit"]) == (1.0, "tokens")
    for ours, theirs in zip(other["answers"], first["answers"], strict=True):
        own = run("generate", tiny_model, result["prompts"][first["answers"].index(theirs)], *ASK[2:]).stdout
        assert theirs["text"].rstrip() == own.rstrip()
        assert (ours["differs"] is None) == (ours["text"] == theirs["text"])
    both = run("compare", tiny_model, coarse_model, "--prompts", "own.txt", "--prompt", "hello")
    assert (both.exit_code, "[prompts]" in both.stderr) == (2, True)
    Path("own.jsonl").write_text('"Who?"\n{}')
    refused = run("compare", tiny_model, coarse_model, "--prompts", "own.jsonl")
    assert (refused.exit_code, "line 2 of own.jsonl is no prompt" in refused.stderr) == (2, True)


def test_the_seed_that_was_drawn_makes_the_same_answers_again(run: Run, tiny_model: Path, coarse_model: Path) -> None:
    hot = ("compare", tiny_model, coarse_model, "--prompt", "-", "--temperature", "2", "--max-tokens", "12", "--json")
    result = _result(run(*hot, input="hello"))
    assert _texts(_result(run(*hot, "--seed", result["seed"], input="hello"))) == _texts(result)


def test_json_streams_every_answer(run: Run, parrot: Path) -> None:
    ended = run("compare", parrot, parrot, "--prompt", "one two three", "--json")
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    result = _result(ended)
    jobs = {event["job"] for event in events if event["event"] == "Token"}
    streamed = {job: "".join(event.get("text", "") for event in events if event["job"] == job) for job in jobs}
    assert [said.rstrip() for said in streamed.values()] == _texts(result) == ["one two three"] * 2
    assert result["divergence"] == [None, None]


def test_the_end_of_the_comparison_comes_last_however_slow_its_reader(
    run: Run, parrot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = ComparisonView._print

    def slow(view: ComparisonView, event: Event) -> None:
        if isinstance(event, JobFinished) and event.job != view._comparison.job.id:
            time.sleep(0.3)
        at_once(view, event)

    monkeypatch.setattr(ComparisonView, "_print", slow)
    assert "seed" in _result(run("compare", parrot, parrot, "--prompt", "hello", "--json"))


def test_a_model_that_fails_does_not_stop_the_other(run: Run, parrot: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(parrot, tmp_path / "broken")
    (broken / "config.json").write_text('{"model_type": "toy", "load": "kill"}')
    ended = run("compare", broken, parrot, "--prompt", "hello")
    assert ended.exit_code == 1
    first, second = ended.stdout.split("## ")[1:]
    assert "error [killed]" in first
    assert second.startswith("parrot\nhello\n")


def test_what_cannot_be_compared_is_refused(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    for models, code, said in (
        ((tiny_model,), 2, "1 models can't be compared"),
        ((tiny_model,) * 5, 2, "Give 2 to 4 models"),
        ((tiny_model, tmp_path), 1, "error [no_model]"),
    ):
        ended = run("compare", *models, *ASK)
        assert ended.exit_code == code
        assert said in ended.stderr
    assert run("compare", tiny_model, tiny_model, "--prompt", " ").exit_code == 2


def test_ctrl_c_stops_all(start: Callable[..., subprocess.Popen[str]], parrot: Path) -> None:
    program = start("compare", parrot, parrot, "--prompt", "hello wait", "--json")
    assert program.stdout is not None
    for line in program.stdout:
        if '"Token"' in line:
            break
    program.send_signal(signal.SIGINT)
    out, _ = program.communicate(timeout=90)
    assert program.returncode == 130
    assert sum(line.count('"JobCancelled"') for line in out.splitlines()) == 3


def test_at_a_terminal_the_answers_stand_side_by_side(terminal: Callable[..., Any], parrot: Path) -> None:
    other = shutil.copytree(parrot, parrot.with_name("budgie"))
    program = terminal("compare", parrot, other, "--prompt", "say this " * 20)
    assert program.wait() == 0
    lines = [line.rstrip() for line in program.text.splitlines()]
    assert ["parrot", "budgie"] in [line.split() for line in lines]
    assert any(line.count("say this") > 5 and "   " in line for line in lines)
    assert max(map(len, lines)) <= 100


def _result(ended: Result) -> dict[str, Any]:
    last = json.loads(ended.stdout.splitlines()[-1])
    assert last["event"] == "JobFinished"
    result: dict[str, Any] = last["result"]
    return result


def _texts(result: dict[str, Any]) -> list[str]:
    return [column["answer"]["text"] for column in result["answers"]]
