"""Files of tasks: what a line may be, what is said of one that is none, and how shares are compared."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlx_convert_core import InvalidRequest, MeasureRequest
from mlx_convert_core.measuring.answers import continuations_of
from mlx_convert_core.measuring.intervals import mean_figure, paired_difference
from mlx_convert_core.model.measurements import MeasureResult, Passage
from mlx_convert_core.model.tasks import Question, questions_in


def test_a_line_is_a_question_with_choices_or_with_an_answer() -> None:
    lines = """
{"question": "Two and two?", "choices": ["three", "four"], "answer": 1, "origin": "own"}
{"prompt": "Two and two is", "choices": ["three", "four"], "answer": "three"}

{"prompt": "Once upon a", "answer": "time"}
"""
    first, second, third = questions_in(lines, "own.jsonl")
    assert (first.prompt, first.answer) == ("Question: Two and two?\nAnswer:", "four")
    assert first.continuations == (" three", " four")
    assert (second.prompt, second.answer) == ("Two and two is", "three")
    assert (third.choices, third.answer, third.place) == ((), "time", "line 5 of own.jsonl")
    assert Question(prompt="東京は\n", answer="首都").continuations == ("首都",)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("not JSON", "Expecting value"),
        ("[1]", "Expected `object`"),
        ('{"question": "Why?"}', "missing required field `answer`"),
        ('{"answer": "x"}', "it needs a question, or a prompt"),
        ('{"question": "Why?", "prompt": "Why?", "answer": "x"}', "it needs a question, or a prompt"),
        ('{"question": "Why?", "answer": 3}', "without choices, its answer has to be a text"),
        ('{"question": "Why?", "choices": ["a", "b"], "answer": 2}', "numbered from 0 to 1"),
        ('{"question": "Why?", "choices": ["a", "b"], "answer": "c"}', "'c' is none of its choices"),
        ('{"question": "Why?", "choices": ["a", "a"], "answer": 0}', "two or more different texts"),
        ('{"question": "Why?", "choices": ["a", " "], "answer": 0}', "two or more different texts"),
    ],
)
def test_a_line_that_is_no_task_is_named(line: str, why: str) -> None:
    good = '{"question": "Why?", "answer": "Because."}'
    with pytest.raises(ValueError, match=r"line 2 of own\.jsonl is no task") as caught:
        questions_in(f"{good}\n{line}\n{good}", "own.jsonl")
    assert why in str(caught.value)


def test_tokens_of_an_answer_are_those_that_its_prompt_does_not_have() -> None:
    def letters(passages: Sequence[Passage]) -> list[list[int]]:
        return [[1, *map(ord, passage.text)] for passage in passages]

    (row,) = continuations_of([Question(prompt="Is it ", answer="no", choices=("yes", "no"))], letters)
    assert ["".join(map(chr, one.ids[one.start :])) for one in row] == [" yes", " no"]
    assert [one.size for one in row] == [3, 2]

    def whole(passages: Sequence[Passage]) -> list[list[int]]:
        return [[7] for _ in passages]

    with pytest.raises(InvalidRequest, match=r"line 3 of own\.jsonl can't be measured") as caught:
        continuations_of([Question(prompt="a", answer="b", place="line 3 of own.jsonl")], whole)
    assert caught.value.code == "tasks"


def test_a_text_and_tasks_are_measured_one_after_the_other() -> None:
    with pytest.raises(InvalidRequest) as caught:
        MeasureRequest(text="a.txt", tasks="questions-1")
    assert caught.value.code == "tasks"


def test_a_difference_is_paired_and_known_better_than_either_share() -> None:
    ours, theirs = [1.0, 0.0] * 30, [1.0, 0.0] * 29 + [1.0, 1.0]
    figure = mean_figure("acc", "Right choice", ours, theirs)
    assert (figure.value, figure.source) == (0.5, 31 / 60)
    assert figure.difference is not None
    more, low, high = figure.difference
    assert more == pytest.approx(-1 / 60)
    assert low < more < high == 0
    assert high - low < (figure.high - figure.low) / 3
    first, other = (_result(numbers) for numbers in (theirs, ours))
    assert paired_difference(first, other, "acc") == figure.difference
    assert paired_difference(first, _result(ours, text="another"), "acc") is None


def _result(numbers: Sequence[float], text: str = "same") -> MeasureResult:
    from pathlib import Path

    return MeasureResult(
        path=Path("model"),
        name="model",
        against="",
        text="own.jsonl",
        text_hash=text,
        tokens=1,
        sequences=len(numbers),
        figures=(mean_figure("acc", "Right choice", numbers),),
    )
