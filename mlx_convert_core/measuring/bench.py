"""How fast a model is, through a session as a person has one: loaded once, warmed up, asked several times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mlx_convert_core.answering.model_session import ModelSession
from mlx_convert_core.base.machine import machine_name
from mlx_convert_core.model.events import StepFinished
from mlx_convert_core.model.fingerprint import fingerprint
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.measurements import BenchRequest, BenchResult, BenchRow, Spread
from mlx_convert_core.model.requests import GenerateRequest
from mlx_convert_core.model.results import GenerateResult
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.running.jobs import Job
from mlx_convert_core.writing.record import versions

WARM_UP_WORDS = 64  # of the answer that does not count; it also tells how many tokens a word has
WARM_UP_TOKENS = 16
_WORDS = ("the", "model", "reads", "a", "long", "letter", "about", "winter", "trains", "and", "small", "harbours")
_ENGINES = ("mlx-convert", "mlx", "mlx-lm")


def bench(
    job: Job[BenchResult], path: Path, request: BenchRequest, context: JobContext, opened: Callable[[], ModelSession]
) -> BenchResult:
    """Measure the model in ``path`` in the session that ``opened`` gives, which is closed at the end."""
    with context.step("load"):
        session = opened()
        job.on_cancel(session.close)
        session.loading.result()
    with session, context.step("measure"):
        loading = [event.seconds for event in session.loading.events() if isinstance(event, StepFinished)]
        asking = _Asking(session, context, total=1 + len(request.prompts) * request.runs)
        first = asking.ask(WARM_UP_WORDS, WARM_UP_TOKENS)
        each = max(1.0, first.prompt_tokens / WARM_UP_WORDS)
        rows, peak = [], first.peak_memory
        for length in request.prompts:
            answers = [asking.ask(max(1, round(length / each)), request.answer) for _ in range(request.runs)]
            rows.append(_row(answers))
            peak = max(peak, *(answer.peak_memory for answer in answers))
    known = versions()
    return BenchResult(
        path=path,
        name=model_name(path),
        device=machine_name(),
        rows=tuple(rows),
        load_seconds=sum(loading),
        peak_memory=peak,
        runs=request.runs,
        versions={name: known[name] for name in _ENGINES if name in known},
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        weights=fingerprint(path),
    )


class _Asking:
    """Asks questions that differ from the first word on: no part of one is known from the last."""

    def __init__(self, session: ModelSession, context: JobContext, *, total: int) -> None:
        self._session = session
        self._context = context
        self._total = total
        self._asked = 0

    def ask(self, words: int, tokens: int) -> GenerateResult:
        """One answer of ``tokens`` tokens to a question of ``words`` words."""
        self._context.check_cancelled()
        shift = self._asked
        text = " ".join(_WORDS[(shift + number) % len(_WORDS)] for number in range(words))
        request = GenerateRequest(prompt=f"{shift + 1} {text}", max_tokens=tokens, temperature=0)
        answer = self._session.generate(request).result()
        self._asked += 1
        self._context.progress("measure", self._asked, self._total, "answers")
        return answer


def _row(answers: list[GenerateResult]) -> BenchRow:
    return BenchRow(
        prompt_tokens=answers[0].prompt_tokens,
        generation_tokens=min(answer.generation_tokens for answer in answers),
        prompt_tokens_per_second=Spread.of([answer.prompt_tokens_per_second for answer in answers]),
        generation_tokens_per_second=Spread.of([answer.generation_tokens_per_second for answer in answers]),
        time_to_first_token=Spread.of([answer.time_to_first_token for answer in answers]),
    )
