"""The same question to several models, side by side."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mlx_convert_core.answering.model_session import ModelSession
from mlx_convert_core.answering.open_sessions import Sessions, answer_once
from mlx_convert_core.converting.memory_guard import weight_bytes
from mlx_convert_core.errors import ErrorInfo, InvalidRequest, MlxConvertError
from mlx_convert_core.model.events import AnyEvent, Message
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.library_folder import entry_of
from mlx_convert_core.model.requests import GenerateRequest
from mlx_convert_core.model.results import GenerateResult
from mlx_convert_core.running.context import cancelled_error
from mlx_convert_core.running.jobs import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedAnswer:
    """One model's column: its size in bytes, its bits per weight (0 when unknown), and its answer or its error."""

    model: Path
    name: str
    size: int
    bits_per_weight: float
    answer: GenerateResult | None = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareResult:
    """All columns, in order. ``divergence`` has for each the first character at which it differs from the first.

    None means: nowhere, or one of the two has no answer. ``seed`` makes the same answers again.
    """

    answers: tuple[ComparedAnswer, ...]
    divergence: tuple[int | None, ...]
    seed: int


class Comparison:
    """A comparison that runs: ``job`` for the whole, and in ``answers`` a job for each of ``models``.

    Each answer streams its own events. Cancelling ``job`` stops all, cancelling an answer only that one.
    """

    FEWEST, MOST = 2, 4  # models

    def __init__(
        self, models: tuple[Path, ...], request: GenerateRequest, observer: Callable[[AnyEvent], None]
    ) -> None:
        if not self.FEWEST <= len(models) <= self.MOST:
            raise InvalidRequest(
                f"{len(models)} models can't be compared.",
                hint=f"Give {self.FEWEST} to {self.MOST} models.",
                code="compare",
            )
        self.models = models
        self.request = replace(request, seed=secrets.randbelow(2**31)) if request.seed is None else request
        self.job: Job[CompareResult] = Job("compare", f"Compare {len(models)} models", observer)
        self.answers: tuple[Job[GenerateResult], ...] = tuple(
            Job("generate", f"Answer with {model_name(model)}", observer) for model in models
        )
        self._begun: set[str] = set()
        self._lock = threading.Lock()
        for index, answer in enumerate(self.answers):
            answer.on_cancel(partial(self._answer, index, _never))  # ends at once one whose turn had not come
            self.job.on_cancel(answer.cancel)

    def run(self, sessions: Sessions, open_session: Callable[[Path], ModelSession]) -> CompareResult:
        """Answer with every model: all at once when their memory is there, else one after the other."""
        together = sessions.fit(self.models)
        threads = [
            threading.Thread(target=self._answer, args=(index, open_session), name=f"answer-{job.id}", daemon=True)
            for index, job in enumerate(self.answers)
        ]
        if not together:
            self.job.emit(
                Message(
                    job=self.job.id,
                    level="info",
                    text="There is not enough free memory for all models at once: they answer one after the other.",
                )
            )
        for thread in threads:
            thread.start()
            if not together:
                thread.join()
        for thread in threads:
            thread.join()
        if self.job.cancelled.is_set():
            raise cancelled_error()
        return self._result()

    def _answer(self, index: int, open_session: Callable[[Path], ModelSession]) -> None:
        """Run one answer to its end, once."""
        answer = self.answers[index]
        with self._lock:
            if answer.id in self._begun:
                return
            self._begun.add(answer.id)
        answer.run(lambda job: answer_once(open_session(self.models[index]), self.request, job))

    def _result(self) -> CompareResult:
        answers = tuple(_column(model, job) for model, job in zip(self.models, self.answers, strict=True))
        texts = [column.answer.text if column.answer else None for column in answers]
        assert self.request.seed is not None
        return CompareResult(
            answers=answers,
            divergence=tuple(_divergence(texts[0], text) for text in texts),
            seed=self.request.seed,
        )


def first_divergence(a: str, b: str) -> int | None:
    """The index of the first character in which ``a`` and ``b`` differ; None while one is the other's beginning."""
    return next((index for index, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), None)


def _divergence(first: str | None, other: str | None) -> int | None:
    """As `first_divergence`, for whole answers: to end earlier is to differ."""
    if first is None or other is None or first == other:
        return None
    found = first_divergence(first, other)
    return min(len(first), len(other)) if found is None else found


def _column(model: Path, job: Job[GenerateResult]) -> ComparedAnswer:
    entry = entry_of(model)
    column = ComparedAnswer(
        model=model,
        name=model.name,
        size=entry.size if entry else weight_bytes(model),
        bits_per_weight=entry.bits_per_weight if entry else 0.0,
    )
    try:
        return replace(column, answer=job.result())
    except MlxConvertError as error:
        return replace(column, error=replace(ErrorInfo.of(error), traceback=""))


def _never(model: Path) -> ModelSession:
    raise cancelled_error()
