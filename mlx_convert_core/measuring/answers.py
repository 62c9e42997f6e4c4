"""How many questions a model answers rightly, told by how likely each answer is to it.

As in EleutherAI's lm-evaluation-harness: prompt and answer are read in one go, no chat template is applied, and the
logarithms of the probabilities of the answer's tokens are added. ``acc`` takes the choice with the largest sum,
``acc_norm`` the one with the largest sum for each byte of UTF-8 (the harness's ``acc_bytes``; its own ``acc_norm``
divides by characters, which is the same for English). ``exact_match`` says whether each token of the answer is the
likeliest one: whether the model, always taking the likeliest word, would have begun with just this answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mlx_convert_core.base.memory import peak_memory
from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.measuring.intervals import mean_figure
from mlx_convert_core.measuring.reading import PIECE_BYTES, MeasureTask, Reader, Reading, split_of, words_of
from mlx_convert_core.measuring.runners import scoring_runner, splitting
from mlx_convert_core.measuring.task_sets import questions_named
from mlx_convert_core.measuring.texts import Tokenize, hash_of
from mlx_convert_core.model.fingerprint import fingerprint
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.measurements import MeasuredFigure, MeasureResult, Passage
from mlx_convert_core.model.tasks import Question
from mlx_convert_core.plugins.scoring import HiddenStates
from mlx_convert_core.running.context import JobContext

AT_ONCE = 128  # sequences that pass a model together: each has a thread of its own


@dataclass(frozen=True, slots=True)
class _Continuation:
    """What may follow a question: ``ids`` of prompt and continuation, which begins at ``start``; its size in bytes."""

    ids: tuple[int, ...]
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """A continuation as a model sees it: the logarithm of its probability, and whether it would have come by itself."""

    likelihood: float
    greedy: bool


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a model replies to a question: the numbers of its choices, or whether the answer would have come."""

    choice: int
    by_length: int
    greedy: bool


def measure_answers(asked: MeasureTask, context: JobContext) -> MeasureResult:
    """Have a model answer the questions that a request names, and its source, where that is here.

    Raises InvalidRequest (code ``tasks``), MeasuringFailed, and what loading a model raises.
    """
    began = time.monotonic()
    name, questions = questions_named(asked.request.tasks, context.hooks)
    trusted = asked.request.trust_remote_code
    with context.step("load"), splitting(asked.path, context, trusted=trusted) as tokenize:
        rows = continuations_of(questions, tokenize)
        split = split_of([Passage(text=one.prompt) for one in questions], tokenize)
    runner = scoring_runner(asked.path, context, trusted=trusted)
    try:
        flat = [one for row in rows for one in row]
        firsts: dict[tuple[int, ...], int] = {}
        for one in flat:  # the last token foretells nothing; choices of one token need their prompt only once
            firsts[one.ids[:-1]] = min(one.start - 1, firsts.get(one.ids[:-1], one.start))
        reader = Reader(asked, context, list(firsts), tuple(firsts.values()), AT_ONCE)
        with reader.source(split) as source:
            own = reader.read(runner, asked.path, step="score")
            with context.step("measure"):
                seen = _Looking(context, firsts, flat, words_of(own, source), of=2 if source else 1)
                replies = [_replies(rows, seen.at(read)) for read in (own, source) if read is not None]
    finally:
        runner.close()
    return MeasureResult(
        path=asked.path,
        name=model_name(asked.path),
        against=asked.source.repo_id or asked.source.name if asked.source else "",
        text=name,
        text_hash=hash_of([*(one.ids for one in flat), [_right(question) for question in questions]]),
        tokens=sum(len(one.ids) - one.start for one in flat),
        sequences=len(flat),
        questions=len(questions),
        figures=_figures(questions, replies[0], replies[1] if source is not None else None),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        weights=fingerprint(asked.path),
        seconds=time.monotonic() - began,
        peak_memory=peak_memory(),
        reused=source.reused if source is not None else False,
    )


def continuations_of(questions: Sequence[Question], tokenize: Tokenize) -> list[list[_Continuation]]:
    """The token ids of each answer that each question may have, behind its prompt.

    Prompt and answer are split into tokens together, and so many of them are the prompt's as it has alone; white space
    at its end belongs to the answer. Raises InvalidRequest (code ``tasks``) where no token is left for an answer.
    """
    found = []
    for question in questions:
        stem = question.prompt.rstrip()
        rest = question.prompt[len(stem) :]
        wholes = [f"{stem}{rest}{text}" for text in question.continuations]
        lead, *ids = tokenize([Passage(text=text) for text in (stem, *wholes)])
        sizes = [len(text.encode()) for text in question.choices or (question.answer,)]
        row = [_Continuation(tuple(whole), max(1, len(lead)), size) for whole, size in zip(ids, sizes, strict=True)]
        if any(one.start >= len(one.ids) for one in row):
            raise InvalidRequest(
                f"{question.place or repr(question.prompt)} can't be measured: an answer to it has no token of its own,"
                " as this model's tokenizer splits it.",
                hint="Word the prompt otherwise, or leave the question out.",
                code="tasks",
            )
        found.append(row)
    return found


class _Looking:
    """Looks at continuations through models' heads, as many tokens at once as fit; ``of`` so many models."""

    def __init__(
        self,
        context: JobContext,
        firsts: dict[tuple[int, ...], int],
        continuations: Sequence[_Continuation],
        words: int,
        *,
        of: int,
    ) -> None:
        self._context = context
        self._all = continuations
        self._numbers = {ids: number for number, ids in enumerate(firsts)}
        self._firsts = firsts
        self._rows = max(1, PIECE_BYTES // (4 * words))
        self._places = [
            (which, place) for which, one in enumerate(continuations) for place in range(one.start, len(one.ids))
        ]
        self._done, self._total = 0, of * len(self._places)

    def at(self, read: Reading) -> list[_Seen]:
        """Every continuation, as the model of ``read`` sees it."""
        likelihoods, greedy = [0.0] * len(self._all), [True] * len(self._all)
        for at in range(0, len(self._places), self._rows):
            self._context.check_cancelled()
            part = self._places[at : at + self._rows]
            found = read.head.log_probabilities(self._states(read, part))
            likeliest = found.argmax(-1).tolist()
            for row, (which, place) in enumerate(part):
                token = self._all[which].ids[place]
                likelihoods[which] += float(found[row, token])
                greedy[which] = greedy[which] and likeliest[row] == token
            self._done += len(part)
            self._context.progress("measure", self._done, self._total, "tokens")
        return [_Seen(*pair) for pair in zip(likelihoods, greedy, strict=True)]

    def _states(self, read: Reading, places: Sequence[tuple[int, int]]) -> HiddenStates:
        """The states that foretell the tokens in ``places``, one after the other."""
        rows = []
        for which, place in places:
            ids = self._all[which].ids[:-1]
            row = place - 1 - self._firsts[ids]
            rows.append(read.states[self._numbers[ids]].rows(row, row + 1))
        return HiddenStates(dtype=rows[0].dtype, width=rows[0].width, data=b"".join(row.data for row in rows))


def _replies(rows: Sequence[Sequence[_Continuation]], seen: Sequence[_Seen]) -> list[_Reply]:
    replies, at = [], 0
    for row in rows:
        part = seen[at : at + len(row)]
        at += len(row)
        numbers = range(len(row))
        replies.append(
            _Reply(
                choice=max(numbers, key=lambda number: part[number].likelihood),
                by_length=max(numbers, key=lambda number: part[number].likelihood / row[number].size),
                greedy=part[0].greedy,
            )
        )
    return replies


def _figures(
    questions: Sequence[Question], own: Sequence[_Reply], source: Sequence[_Reply] | None
) -> tuple[MeasuredFigure, ...]:
    """The figures of what was asked: of questions with choices, of the others, or of both."""
    chosen = [number for number, question in enumerate(questions) if question.choices]
    free = [number for number, question in enumerate(questions) if not question.choices]

    def figure(name: str, title: str, numbers: Sequence[int], told: Callable[[_Reply, int], bool]) -> MeasuredFigure:
        ours, theirs = (
            [float(told(replies[number], _right(questions[number]))) for number in numbers] if replies else None
            for replies in (own, source)
        )
        assert ours is not None
        return mean_figure(name, title, ours, theirs)

    found = []
    if chosen:
        found.append(figure("acc", "Right choice", chosen, lambda reply, right: reply.choice == right))
        found.append(
            figure("acc_norm", "Right choice, by length", chosen, lambda reply, right: reply.by_length == right)
        )
    if chosen and source is not None:
        same = [float(own[number].choice == source[number].choice) for number in chosen]
        found.append(mean_figure("same_choice", "Same choice as the source", same))
    if free:
        found.append(figure("exact_match", "Exact answer", free, lambda reply, _: reply.greedy))
    return tuple(found)


def _right(question: Question) -> int:
    return question.choices.index(question.answer) if question.choices else 0
