"""Whether models say the same: answers of several ones to a set of prompts, compared with those of the first."""

from __future__ import annotations

import hashlib
import secrets
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from mlx_convert_core.answering.model_session import ModelSession
from mlx_convert_core.base.file_names import TOKENIZER_FILES
from mlx_convert_core.base.limits import HOME_BYTES
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint, InvalidRequest
from mlx_convert_core.measuring.intervals import mean_figure
from mlx_convert_core.model.answer_settings import AnswerSettings
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.measurements import MeasuredFigure
from mlx_convert_core.model.requests import GenerateRequest
from mlx_convert_core.model.results import GenerateResult
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.running.jobs import Job

FEWEST, MOST = 2, 8  # models

PartUnit = Literal["tokens", "words"]
Parts = Sequence[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedAnswer:
    """A model's answer to a prompt, compared with the first model's.

    ``differs`` is the number of the first token that differs (or word: `Agreement.unit`), from 1, None where none does;
    ``shared`` is which share of the longer answer comes before it.
    """

    text: str
    tokens: int
    differs: int | None = None
    shared: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often the model in ``path`` says what the first one says, over all prompts; with 95 % intervals.

    ``same`` is the share of answers that are the same to the last character, ``shared`` the mean share of an answer
    before the first difference. ``differs`` is the median place of that, counted in ``unit``: None where most answers
    are the same. Words are counted where the models split text into other tokens, or a plugin does not tell its tokens.
    """

    path: Path
    name: str
    answers: tuple[AgreedAnswer, ...]
    same: MeasuredFigure
    shared: MeasuredFigure
    differs: float | None = None
    unit: PartUnit = "tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementResult:
    """The answers of all models to ``prompts``; the first of ``models`` is what the others are compared with."""

    prompts: tuple[str, ...]
    models: tuple[Agreement, ...]
    seed: int | None = None


def agreement(
    job: Job[AgreementResult],
    paths: Sequence[Path],
    requests: Sequence[GenerateRequest],
    context: JobContext,
    opened: Callable[[Path], ModelSession],
) -> AgreementResult:
    """Have each model answer all ``requests``, one model after the other. Raises what one of them raises."""
    check_models(paths)
    said = []
    for number, path in enumerate(paths):
        with context.step("load"):
            session = opened(path)
            job.on_cancel(session.close)
            session.loading.result()
        with session, context.step("generate"):
            answers = []
            for request in requests:
                context.check_cancelled()
                answers.append(session.generate(request).result())
                done = number * len(requests) + len(answers)
                context.progress("generate", done, len(paths) * len(requests), "answers")
        said.append(answers)
    splits = [_tokenizer_of(path) for path in paths]
    return AgreementResult(
        prompts=tuple(request.prompt for request in requests),
        models=tuple(
            _agreed(path, answers, said[0], alike=split == splits[0])
            for path, answers, split in zip(paths, said, splits, strict=True)
        ),
        seed=requests[0].seed,
    )


def requests_of(prompts: Sequence[str], settings: AnswerSettings | None) -> list[GenerateRequest]:
    """A request for each prompt. Without ``settings`` the likeliest word is always taken; one seed is for all."""
    if not prompts:
        raise InvalidRequest("there is no prompt.", hint="Give one at least.", code="prompts")
    given = settings or AnswerSettings(temperature=0)
    values = {one.name: getattr(given, one.name) for one in fields(AnswerSettings)}
    if given.temperature and given.seed is None:
        values["seed"] = secrets.randbelow(2**31)
    return [GenerateRequest(prompt=prompt, **values) for prompt in prompts]


def check_models(paths: Sequence[Path]) -> None:
    """Raise InvalidRequest (code ``compare``) for a number of models that can't be compared."""
    if not FEWEST <= len(paths) <= MOST:
        raise InvalidRequest(
            f"{len(paths)} models can't be compared.", hint=f"Give {FEWEST} to {MOST} models.", code="compare"
        )


def _agreed(path: Path, own: list[GenerateResult], first: list[GenerateResult], *, alike: bool) -> Agreement:
    tokens = alike and all(answer.token_ids for answer in (*own, *first))
    answers = tuple(_compared(ours, theirs, tokens=tokens) for ours, theirs in zip(own, first, strict=True))
    same = [float(ours.text == theirs.text) for ours, theirs in zip(own, first, strict=True)]
    places = [float("inf") if answer.differs is None else answer.differs for answer in answers]
    middle = statistics.median_low(places)
    return Agreement(
        path=path,
        name=model_name(path),
        answers=answers,
        same=mean_figure("same", "Same answer", same),
        shared=mean_figure("shared", "Shared beginning", [answer.shared for answer in answers]),
        differs=None if middle == float("inf") else middle,
        unit="tokens" if tokens else "words",
    )


def _compared(own: GenerateResult, first: GenerateResult, *, tokens: bool) -> AgreedAnswer:
    ours, theirs = (answer.token_ids if tokens else tuple(answer.text.split()) for answer in (own, first))
    common = next((at for at, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
    if common is None:
        common = min(len(ours), len(theirs))
    longest = max(len(ours), len(theirs))
    return AgreedAnswer(
        text=own.text,
        tokens=own.generation_tokens,
        differs=common + 1 if common < longest else None,
        shared=common / longest if longest else 1.0,
    )


def _tokenizer_of(folder: Path) -> Mapping[str, str]:
    """The hash of each file that makes the tokenizer of the model in ``folder``."""
    found = {}
    for path in sorted({path for pattern in TOKENIZER_FILES for path in folder.glob(pattern)}):
        try:
            found[path.name] = hashlib.sha256(read_regular(path, HOME_BYTES, within=folder)).hexdigest()
        except (OSError, CorruptCheckpoint):
            found[path.name] = f"unreadable in {folder}"
    return found
