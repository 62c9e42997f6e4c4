"""Whether models say the same over many prompts: what is compared, and what a file of prompts may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlx_convert_core import InvalidRequest, MlxConvertError, Progress, Workspace
from mlx_convert_core.measuring.agreement import requests_of
from mlx_convert_core.model.prompts import prompts_in
from mlx_convert_core.plugin import AnswerSettings

WriteToy = Callable[..., Path]


def test_models_that_say_the_same_agree_wholly(workspace: Workspace, write_toy: WriteToy) -> None:
    models = [write_toy(name) for name in "ab"]
    job = workspace.agreement(models, ["one two", "three"])
    result = job.result()
    first, second = result.models
    assert (first.same.value, second.same.value, second.shared.value, second.differs) == (1, 1, 1, None)
    assert second.unit == "words"  # the toy does not tell its tokens
    assert [answer.text for answer in second.answers] == ["one two", "three"]
    assert result.prompts == ("one two", "three")
    done = [event for event in job.events() if isinstance(event, Progress)][-1]
    assert (done.done, done.total, done.unit) == (4, 4, "answers")


@pytest.mark.parametrize(("models", "code"), [(1, "compare"), (9, "compare")])
def test_a_number_of_models_that_can_not_be_compared(
    workspace: Workspace, write_toy: WriteToy, models: int, code: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        workspace.agreement([write_toy(str(number)) for number in range(models)], ["one"])
    assert caught.value.code == code


def test_a_model_that_fails_fails_the_whole(workspace: Workspace, write_toy: WriteToy) -> None:
    with pytest.raises(MlxConvertError):
        workspace.agreement([write_toy("a"), write_toy("b", load="raise")], ["one"]).result()


def test_the_likeliest_word_is_taken_or_one_seed_for_all() -> None:
    (plain,) = requests_of(["one"], None)
    assert (plain.temperature, plain.seed) == (0, None)
    one, other = requests_of(["one", "two"], AnswerSettings(temperature=1, max_tokens=7))
    assert one.seed == other.seed is not None
    assert (other.prompt, other.max_tokens) == ("two", 7)
    with pytest.raises(InvalidRequest, match="there is no prompt"):
        requests_of([], None)


def test_a_file_of_prompts_has_one_in_each_line() -> None:
    assert prompts_in("Who?\n\n  Why? \n", "own.txt") == ("Who?", "Why?")
    lines = '"Who?\\nYou?"\n{"prompt": "Why?"}\n{"question": "How?", "answer": "So."}\n'
    assert prompts_in(lines, "own.jsonl") == ("Who?\nYou?", "Why?", "How?")


@pytest.mark.parametrize("line", ["3", "{}", "not JSON", '" "', '{"prompt": 3}'])
def test_a_line_that_is_no_prompt_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"line 2 of own\.jsonl is no prompt"):
        prompts_in(f'"Who?"\n{line}', "own.jsonl")
    with pytest.raises(ValueError, match=r"own\.txt has no prompt in it"):
        prompts_in("\n \n", "own.txt")
