"""What a model's authors recommend for its answers is used where the person sets nothing, and said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from samples.tiny import write_tiny_llama

Run = Callable[..., Result]
SAID = "Settings as the authors of Qwen2.5 0.5B Instruct recommend"
ADVICE = {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0, "repetition_penalty": 1.1, "seed": None}


@pytest.fixture
def qwen(toys: None, tmp_path: Path) -> Path:
    """Give a model that answers at once and says that it was made of Qwen2.5."""
    folder = write_tiny_llama(tmp_path / "qwen", mark="mlx")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "toy"}))
    (folder / "mlx_convert.json").write_text('{"source": {"ref": "Qwen/Qwen2.5-0.5B-Instruct"}}')
    return folder


def sampler(ended: Result) -> dict[str, Any]:
    (found,) = [event for event in map(json.loads, ended.stdout.splitlines()) if event["event"] == "Sampler"]
    return {name: found[name] for name in ADVICE}


def test_generate_answers_as_the_authors_recommend(run: Run, qwen: Path) -> None:
    assert (
        f"{SAID}: temperature 0.7, top-p 0.8, top-k 20, repetition penalty 1.1.\n" in run("generate", qwen, "a").stderr
    )
    assert sampler(run("generate", qwen, "a", "--json")) == ADVICE


def test_what_the_person_sets_counts_more(run: Run, qwen: Path) -> None:
    mine = ("--temperature", "0", "--top-k", "0", "--repetition-penalty", "1")
    ended = run("generate", qwen, "a", *mine)
    assert f"{SAID}: top-p 0.8.\n" in ended.stderr
    expected = {**ADVICE, "temperature": 0.0, "top_k": 0, "repetition_penalty": 1.0}
    assert sampler(run("generate", qwen, "a", *mine, "--json")) == expected
    assert SAID not in run("generate", qwen, "a", *mine, "--top-p", "1").stderr


def test_a_new_conversation_is_held_as_they_recommend_and_an_older_one_keeps_its_own(run: Run, qwen: Path) -> None:
    assert f"{SAID}: temperature 0.7, top-p 0.8, top-k 20" in run("chat", qwen, "--seed", "5", input="hello\n").stderr
    (talk,) = json.loads(run("conversations", "--json").stdout)
    goes_on = run("chat", "--continue", talk["id"], "--top-k", "3", "--json", input="again\n")
    assert sampler(goes_on) == {**ADVICE, "seed": 5, "top_k": 3}


def test_a_model_without_advice_has_the_defaults(run: Run, parrot: Path) -> None:
    ended = run("generate", parrot, "hello", "--json")
    assert sampler(ended) == {**ADVICE, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0}
    assert "authors" not in run("generate", parrot, "hello").stderr
