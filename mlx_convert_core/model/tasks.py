"""Questions whose right answers are known, and how they are written in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from mlx_convert_core.base.codec import from_plain, read_json

WRAPPED = "Question: {question}\nAnswer:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question: ``prompt`` is what the model reads, ``answer`` how it should go on.

    With ``choices``, ``answer`` is one of them, and the model chooses by how likely each is to it; without, it has to
    find the answer itself. ``place`` says where the question is from, for errors: ``line 7 of own.jsonl``.
    """

    prompt: str
    answer: str
    choices: tuple[str, ...] = ()
    place: str = ""

    @property
    def continuations(self) -> tuple[str, ...]:
        """What may follow the prompt: a space stands before it, unless the prompt ends with white space."""
        space = "" if self.prompt[-1:].isspace() else " "
        return tuple(f"{space}{text}" for text in self.choices or (self.answer,))


class _Line(msgspec.Struct, frozen=True):
    answer: int | str
    question: str = ""
    prompt: str = ""
    choices: tuple[str, ...] = ()


def questions_in(lines: str, name: str) -> tuple[Question, ...]:
    """The questions in JSON lines; ``name`` says what they are from. Raises ValueError, which names the line.

    A line is an object with ``question``, put into words for the model, or ``prompt``, taken as it is; with the
    ``answer``; and perhaps with ``choices``, of which the answer is one, or the number of one, from 0.
    """
    return tuple(_questions(lines, name))


def _questions(lines: str, name: str) -> Iterator[Question]:
    for number, line in enumerate(lines.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"line {number:,} of {name}"
        try:
            yield _question(from_plain(read_json(line.encode()), _Line), place)
        except (ValueError, TypeError) as error:  # msgspec's own are ValueErrors
            raise ValueError(f"{place} is no task: {error}") from None


def _question(line: _Line, place: str) -> Question:
    if bool(line.question.strip()) == bool(line.prompt.strip()):
        raise ValueError("it needs a question, or a prompt")
    prompt = line.prompt or WRAPPED.format(question=line.question)
    return Question(prompt=prompt, answer=_answer(line), choices=line.choices, place=place)


def _answer(line: _Line) -> str:
    choices, answer = line.choices, line.answer
    if not choices:
        if not isinstance(answer, str) or not answer.strip():
            raise ValueError("without choices, its answer has to be a text")
        return answer
    if len(choices) < 2 or len(set(choices)) < len(choices) or not all(map(str.strip, choices)):
        raise ValueError("its choices have to be two or more different texts")
    if isinstance(answer, int):
        if not 0 <= answer < len(choices):
            raise ValueError(f"its answer is {answer}, and its choices are numbered from 0 to {len(choices) - 1}")
        return choices[answer]
    if answer not in choices:
        raise ValueError(f"its answer {answer!r} is none of its choices")
    return answer
