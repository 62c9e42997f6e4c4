"""What running work is handed: hooks, a way to report, and word of a cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from mlx_convert_core.errors import Cancelled
from mlx_convert_core.model.events import AnyEvent, Message, Progress, Step, StepFinished, StepStarted, Token, Unit
from mlx_convert_core.plugins.calling import Hooks

PROGRESS_SECONDS = 0.1  # at most this often, so that a fast step does not flood anyone
ETA_AFTER_SECONDS = 0.5
_STEADY = ("bytes", "tokens")  # each takes about as long as another


class JobContext:
    """One job as its own code sees it. Implements `interfaces.Reporter`.

    ``kept`` is what tasks leave for later ones: it belongs to whoever runs them, who closes what is in it at the end.
    ``in_worker`` tells a worker process from a task that is run inline.
    """

    def __init__(
        self,
        job: str,
        hooks: Hooks,
        home: Path,
        emit: Callable[[AnyEvent], None],
        cancelled: threading.Event,
        *,
        kept: dict[str, Any] | None = None,
        in_worker: bool = False,
    ) -> None:
        self.job = job
        self.hooks = hooks
        self.home = home
        self.kept = {} if kept is None else kept
        self.in_worker = in_worker
        self._emit = emit
        self._cancelled = cancelled
        self._last_progress: dict[str, float] = {}
        self._began: dict[str, tuple[float, int]] = {}

    @contextmanager
    def step(self, step: Step, *, cancellable: bool = True) -> Iterator[None]:
        """Run the body as ``step``: its start and its end become events."""
        if cancellable:
            self.check_cancelled()
        began = time.monotonic()
        self._emit(StepStarted(job=self.job, step=step))
        yield
        self._emit(StepFinished(job=self.job, step=step, seconds=time.monotonic() - began))

    def progress(self, step: Step, done: int, total: int, unit: Unit = "bytes", *, found: int = 0) -> None:
        """Report real progress; thinned to ten events a second, the last one always sent."""
        now = time.monotonic()
        began, first = self._began.setdefault(step, (now, done - found))
        if done < total and now - self._last_progress.get(step, 0.0) < PROGRESS_SECONDS:
            return
        self._last_progress[step] = now
        elapsed, advanced = now - began, done - found - first
        known = unit in _STEADY and elapsed >= ETA_AFTER_SECONDS and advanced > 0
        eta = elapsed / advanced * (total - done) if known else None
        self._emit(Progress(job=self.job, step=step, done=done, total=total, unit=unit, found=found, eta=eta))

    def message(self, text: str, level: Literal["debug", "info", "warning"] = "info") -> None:
        """Send a line for people."""
        self._emit(Message(job=self.job, level=level, text=text))

    def token(self, text: str) -> None:
        """Send a piece of an answer."""
        self._emit(Token(job=self.job, text=text))

    def check_cancelled(self) -> None:
        """Raise Cancelled when the job was cancelled."""
        if self._cancelled.is_set():
            raise cancelled_error()


def cancelled_error() -> Cancelled:
    """The error that ends a cancelled job."""
    return Cancelled("cancelled.", hint="Nothing half-made was kept. Start it again.")


Task = Callable[[Any, JobContext], Any]
Tasks = Mapping[str, tuple[Any, Task]]  # what a worker can do: a name -> the type of its payload, the function
