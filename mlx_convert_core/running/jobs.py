"""Jobs: work that goes on while its events are watched, and the queue that keeps heavy ones apart."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from mlx_convert_core.base import codec
from mlx_convert_core.errors import Cancelled, ErrorInfo, MlxConvertError
from mlx_convert_core.model.events import (
    FINAL,
    AnyEvent,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobStarted,
    JobState,
    Progress,
)
from mlx_convert_core.running.context import JobContext, cancelled_error

KEPT = 50  # jobs that have ended and are remembered with all their events
# A signal that comes just before the main thread waits, or to another thread, does not wake it, and Python calls its
# handler only once it is awake: without a turn now and then, a Ctrl-C would wait for the next event.
TURN_SECONDS = 0.5

T = TypeVar("T")
Body = Callable[["Job[T]"], T]


class Job(Generic[T]):
    """One run of something long. Safe to use from any thread.

    ``state`` says where it stands; `events` gives its news from the beginning, also to a late comer.
    """

    def __init__(self, kind: str, title: str, observer: Callable[[AnyEvent], None]) -> None:
        self.id = os.urandom(4).hex()
        self.kind = kind
        self.title = title
        self.state = JobState.QUEUED
        self.cancelled = threading.Event()
        self._observer = observer
        self._changed = threading.Condition()
        self._history: list[AnyEvent] = []
        self._result: T | None = None
        self._error: MlxConvertError | None = None
        self._on_cancel: list[Callable[[], None]] = []

    def events(self) -> Iterator[AnyEvent]:
        """All events, those of the past first; waits for more and ends after the final one."""
        seen = 0
        while True:
            with self._changed:
                while len(self._history) <= seen:
                    self._changed.wait(TURN_SECONDS)
                fresh = self._history[seen:]
            seen += len(fresh)
            yield from fresh
            if isinstance(fresh[-1], FINAL):
                return

    def result(self, timeout: float | None = None) -> T:
        """Wait for the end and return what was made.

        Raises the job's error, Cancelled, or TimeoutError after ``timeout`` seconds.
        """
        with self._changed:
            if timeout is None:
                while not self.state.final:
                    self._changed.wait(TURN_SECONDS)
            elif not self._changed.wait_for(lambda: self.state.final, timeout):
                raise TimeoutError(f"job {self.id} still runs after {timeout} s")
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def cancel(self) -> None:
        """Ask the job to end; returns at once, and again and again does no harm."""
        with self._changed:
            if self.state.final:
                return
            self.cancelled.set()
            callbacks = list(self._on_cancel)
            self._changed.notify_all()
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the job is cancelled; at once if it already was."""
        with self._changed:
            self._on_cancel.append(callback)
            late = self.cancelled.is_set()
        if late:
            callback()

    def emit(self, event: AnyEvent) -> None:
        """Add an event to the job's news."""
        with self._changed:
            self._history.append(event)
            self._changed.notify_all()
        self._observer(event)

    @property
    def last_progress(self) -> Progress | None:
        """The newest progress event, None before the first."""
        with self._changed:
            return next((event for event in reversed(self._history) if isinstance(event, Progress)), None)

    def run(self, body: Body[T], *, callers: bool = False) -> None:
        """Carry out ``body`` in this thread; ends with exactly one final event, whatever happens.

        Is the thread the ``callers`` own, then Ctrl-C (KeyboardInterrupt) and SystemExit cancel the job and are
        raised again: whoever called wants to stop more than this job.
        """
        try:
            if self.cancelled.is_set():
                raise cancelled_error()
            self.state = JobState.RUNNING
            self.emit(JobStarted(job=self.id, kind=self.kind, title=self.title))
            self._result = body(self)
            finished = JobFinished(job=self.id, result=codec.plain(self._result))
        except Cancelled as error:
            self._end(JobState.CANCELLED, JobCancelled(job=self.id), error)
        except BaseException as error:
            if callers and isinstance(error, KeyboardInterrupt | SystemExit):
                self._end(JobState.CANCELLED, JobCancelled(job=self.id), cancelled_error())
                raise
            known = error if isinstance(error, MlxConvertError) else ErrorInfo.of(error).exception()
            self._end(JobState.FAILED, JobFailed(job=self.id, error=ErrorInfo.of(known)), known)
        else:
            self._end(JobState.FINISHED, finished, None)

    def _end(self, state: JobState, event: AnyEvent, error: MlxConvertError | None) -> None:
        with self._changed:
            self._error = error
            self.state = state
            self._history.append(event)
            self._changed.notify_all()
        self._observer(event)


class JobQueue:
    """Starts jobs, each in a thread; heavy ones one at a time, in the order they came."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._waiting: deque[str] = deque()
        self._jobs: list[Job[object]] = []

    def start(self, job: Job[T], body: Body[T], *, heavy: bool) -> Job[T]:
        """Run ``job`` in the background; a heavy one waits for its turn, and can be cancelled there."""
        self._remember(job)
        if heavy:
            with self._turn:
                self._waiting.append(job.id)
        threading.Thread(target=self._run, args=(job, body, heavy), name=f"job-{job.id}", daemon=True).start()
        return job

    def run(self, job: Job[T], body: Body[T]) -> Job[T]:
        """Run ``job`` here and now, in this thread, without a turn; it is final when this returns or raises."""
        self._remember(job)
        job.run(body, callers=True)
        return job

    @property
    def jobs(self) -> tuple[Job[object], ...]:
        """The jobs of this process, oldest first: all that wait or run, and the last ones that ended."""
        with self._turn:
            return tuple(self._jobs)

    def close(self, timeout: float = 5.0) -> None:
        """Cancel what still runs and wait for it, at most ``timeout`` seconds each."""
        running = [job for job in self.jobs if not job.state.final]
        for job in running:
            job.cancel()
        for job in running:
            with job._changed:
                job._changed.wait_for(lambda job=job: job.state.final, timeout)  # type: ignore[misc]

    def _remember(self, job: Job[T]) -> None:
        with self._turn:
            ended = [one for one in self._jobs if one.state.final]
            for old in ended[:-KEPT]:
                self._jobs.remove(old)
            self._jobs.append(job)  # type: ignore[arg-type]

    def _run(self, job: Job[T], body: Body[T], heavy: bool) -> None:
        if not heavy:
            job.run(body)
            return
        job.on_cancel(self._wake)
        with self._turn:
            self._turn.wait_for(lambda: self._waiting[0] == job.id or job.cancelled.is_set())
        try:
            job.run(body)
        finally:
            with self._turn:
                self._waiting.remove(job.id)
                self._turn.notify_all()

    def _wake(self) -> None:
        with self._turn:
            self._turn.notify_all()


def context_of(job: Job[T], hooks: object, home: object) -> JobContext:
    """A context for the part of a job that runs in the parent."""
    return JobContext(job.id, hooks, home, job.emit, job.cancelled)  # type: ignore[arg-type]
