"""`measure` and `bench`: figures in a table and as JSON, kept with the model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
ROOT = Path(__file__).parents[2]
TEXT = ("--text", ROOT / "CONTRIBUTING.md", "--tokens", "512")


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "tiny-8bit")


def test_a_model_is_measured_against_its_source(run: Run, model: Path, tiny_llama: Path) -> None:
    ended = run("measure", model, "--against", tiny_llama, *TEXT)
    assert ended.exit_code == 0, ended.stderr
    for text in ("KL divergence", "95 % interval", "Same likeliest word", "Perplexity", "Hardly to be told"):
        assert text in ended.stdout
    assert "against tiny-llama" in ended.stderr
    run("library", "scan", model)
    shown = run("library", "show", model).stdout
    assert "KL divergence, mean (nats)" in shown
    assert "before the weights were changed" not in shown
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "rope_theta": 5.0}))
    assert "before the weights were changed" in run("library", "show", model).stdout
    assert json.loads(run("library", "show", model, "--json").stdout)["stale"] == ["quality"]


def test_several_models_are_compared_and_json_has_all_of_it(run: Run, model: Path, tiny_llama: Path) -> None:
    ended = run("measure", model, model, "--against", tiny_llama, *TEXT)
    assert ended.exit_code == 0, ended.stderr
    assert "1 (1 to 1)" in ended.stdout
    lines = run("measure", model, "--against", tiny_llama, *TEXT, "--json").stdout.splitlines()
    result = json.loads(lines[-1])["result"]
    assert [figure["name"] for figure in result["figures"]][:1] == ["kl_mean"]
    assert any(json.loads(line).get("step") == "measure" for line in lines)


def test_without_a_source_perplexity_is_measured_all_the_same(run: Run, model: Path) -> None:
    ended = run("measure", model, *TEXT)
    assert ended.exit_code == 0, ended.stderr
    assert "is not on this machine any more" in ended.stderr
    assert "Perplexity" in ended.stdout
    assert "KL" not in ended.stdout


def test_a_refusal_says_what_to_do(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("Too short.")
    ended = run("measure", model, "--text", "short.txt")
    assert ended.exit_code == 1
    assert "error [text_short]" in ended.stderr
    assert run("measure", model, "--tokens", "7").exit_code == 2


def test_tasks_are_answered_and_several_models_are_paired(run: Run, model: Path, tiny_llama: Path) -> None:
    lines = [
        {"question": "Which is a number?", "choices": ["Paris", "23"], "answer": 1},
        {"prompt": "A", "choices": [" model", "é"], "answer": 0},
        {"prompt": "A small", "answer": "model"},
    ]
    tasks = Path("own.jsonl")
    tasks.write_text("\n".join(map(json.dumps, lines)))
    ended = run("measure", model, "--tasks", tasks, "--against", tiny_llama)
    assert ended.exit_code == 0, ended.stderr
    for text in ("Right choice, by length", "Same choice as the source", "Exact answer", "difference +0 (+0 to +0)"):
        assert text in ended.stdout
    assert "3 questions of 'own.jsonl' · against tiny-llama" in ended.stderr
    beside = run("measure", model, model, "--tasks", tasks, "--against", tiny_llama)
    assert "more than the first" in beside.stdout
    assert "+0 (+0 to +0)" in beside.stdout
    tasks.write_text("\n".join([json.dumps(lines[0]), '{"question": "Why?"}']))
    refused = run("measure", model, "--tasks", tasks)
    assert refused.exit_code == 2
    assert "line 2 of own.jsonl is no task" in refused.stderr


def test_the_speed_is_measured_and_kept(run: Run, model: Path) -> None:
    run("library", "scan", model)
    ended = run("bench", model, "--prompt-tokens", "24", "--prompt-tokens", "64", "--answer-tokens", "8", "--runs", "2")
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.count("tiny-8bit") == 2
    assert "median of 2" in ended.stderr
    speed = json.loads((model / "mlx_convert.json").read_text())["measurements"]["speed"]
    assert speed["generation_tokens_per_second"] > 0
    assert 16 <= speed["prompt_tokens"] <= 40
    assert (speed["runs"], speed["mlx-lm"]) == (
        2,
        json.loads((model / "mlx_convert.json").read_text())["versions"]["mlx-lm"],
    )
    assert "answer (tokens/s)" in run("library", "show", model).stdout
    assert run("bench", model, "--runs", "0").exit_code == 2


def test_a_conversion_measures_what_it_has_made(run: Run, tiny_llama: Path) -> None:
    ended = run("convert", tiny_llama, "--preset", "8bit", "--output", "made", "--measure")
    assert ended.exit_code == 0, ended.stderr
    assert "KL divergence" in ended.stderr
    assert ended.stdout.splitlines() == [str(Path("made").absolute())]
    quality = json.loads(Path("made/mlx_convert.json").read_text())["measurements"]["quality"]
    assert quality["text"].startswith("bundled")
    refused = run("convert", tiny_llama, "--output", "other", "--measure", "--discard-source")
    assert (refused.exit_code, "deleted as it is used" in refused.stderr) == (2, True)
