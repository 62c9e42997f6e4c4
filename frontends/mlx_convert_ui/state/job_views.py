"""From a Job to a page: a view folds the job's events into what a page draws.

A thread a job reads `Job.events`; pages compare `JobView.version` in a timer and draw what changed. Nothing here
knows NiceGUI, and no page holds anything that is not in a view: a reload draws the same again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlx_convert_core import (
    Event,
    Job,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobState,
    Message,
    Progress,
    StepFinished,
    StepStarted,
    Token,
)
from mlx_convert_core.plugin import ErrorInfo, JobStarted, units

STEPS = (
    "resolve", "inspect", "plan", "fetch", "calibrate", "quantize", "write", "check", "verify", "publish", "store",
)  # fmt: skip
LOG_LINES = 200
KEPT = 8  # views that ended, of each kind and place
# Kind and place of those that a page shows until they are dismissed.
_LASTING = (("convert", "convert"), ("get", "get"), ("upload", ""))
# How much of a conversion's time each step takes, roughly; only those that report how far they are move the bar. What a
# text that runs through the model takes comes off what follows it, so that the bar never goes back.
_WEIGHTS = {"fetch": 45, "write": 45, "check": 10}
_WITH_TEXT = {"fetch": 45, "calibrate": 30, "write": 20, "check": 5}


@dataclass(frozen=True, slots=True)
class StepView:
    """One step as a dot: waiting, running or done."""

    name: str
    state: Literal["waiting", "running", "done"] = "waiting"
    seconds: float = 0.0


@dataclass
class JobView:
    """What is known of a job. ``version`` grows with every change; ``chunks`` are the pieces of an answer.

    The job's thread folds events in while pages read: what they walk through (``steps``, ``progress``, ``log``) is
    replaced, never changed; ``chunks`` only grow at the end. Each change, whoever makes it, holds the lock.
    ``place`` names the page that asked for it. ``allow`` lets its model's own code run, next time, and ``insist`` has
    the model loaded though it does not fit into memory. ``begun`` is the text of an answer that it goes on with.
    """

    job: Job[Any]
    model: str = ""
    request: Any = None
    place: str = ""
    version: int = 0
    state: JobState = JobState.QUEUED
    steps: Mapping[str, StepView] = field(default_factory=lambda: {name: StepView(name) for name in STEPS})
    progress: Mapping[str, Progress] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    chunks: list[str] = field(default_factory=list)
    error: ErrorInfo | None = None
    dismissed: bool = False
    started: float = 0.0
    first_token: float = 0.0
    progressed: float = 0.0
    ended: float = 0.0
    loading: JobView | None = None
    allow: Callable[[], None] | None = None
    insist: Callable[[], None] | None = None
    begun: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return not self.state.final

    @property
    def current(self) -> StepView | None:
        """The step that runs; of several that interleave, the last one that has begun to move."""
        progress = self.progress
        running = [step for step in self.steps.values() if step.state == "running"]
        moving = [step for step in running if step.name in progress and progress[step.name].done]
        return (moving or running or [None])[-1]

    @property
    def fraction(self) -> float:
        """How much is really done, 0 to 1; steps that don't tell how far they are count nothing."""
        weights = _WEIGHTS if self.steps["calibrate"].state == "waiting" else _WITH_TEXT
        known = {name: value for name, value in self.progress.items() if name in weights and value.total}
        skipped = {"fetch"} if self.steps["fetch"].state == "done" and "fetch" not in known else set()
        total = sum(weight for name, weight in weights.items() if name not in skipped)
        done = sum(weights[name] * min(1.0, value.done / value.total) for name, value in known.items())
        return 1.0 if self.state is JobState.FINISHED else done / total

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.chunks)

    def text_since(self, position: int) -> tuple[int, str]:
        """The text that came after the first ``position`` pieces, and the position to ask from next time."""
        fresh = self.chunks[position:]
        return position + len(fresh), "".join(fresh)

    def dismiss(self) -> None:
        """Show it no more."""
        with self._lock:
            self.dismissed = True
            self.version += 1

    def apply(self, event: Event) -> None:
        """Fold one event in."""
        with self._lock:
            self._fold(event)
            self.version += 1

    def _fold(self, event: Event) -> None:
        match event:
            case JobStarted():
                self.state, self.started = JobState.RUNNING, event.time
            case StepStarted():
                self._put(StepView(event.step, "running"))
            case StepFinished():
                self._finish(event)
            case Progress():
                self.progress = {**self.progress, event.step: event}
            case Message() if event.level != "debug":
                self._write(event.text)
                self.warnings += (event.text,) if event.level == "warning" else ()
            case Token():
                self.first_token, self.progressed = self.first_token or event.time, event.time
                self.chunks.append(event.text)
            case JobFinished() | JobFailed() | JobCancelled():
                self._end(event)

    def _finish(self, event: StepFinished) -> None:
        self._put(StepView(event.step, "done", event.seconds))
        moved = self.progress.get(event.step)
        amount = f"  {units.size(moved.total)}" if moved is not None and moved.unit == "bytes" else ""
        amount = f"  {moved.total:,} tensors" if moved is not None and moved.unit == "tensors" else amount
        self._write(f"{event.step:<9}{event.seconds:8.2f} s{amount}")

    def _put(self, step: StepView) -> None:
        self.steps = {**self.steps, step.name: step}

    def _write(self, line: str) -> None:
        self.log = (*self.log, line)[-LOG_LINES:]

    def _end(self, event: Event) -> None:
        self.ended = event.time
        self.error = event.error if isinstance(event, JobFailed) else None
        self.state = {JobFinished: JobState.FINISHED, JobFailed: JobState.FAILED}.get(type(event), JobState.CANCELLED)


class JobViews:
    """The views of jobs that a page started, oldest first: all that run, and of those that ended what is still shown.

    Safe to use from any thread.
    """

    def __init__(self) -> None:
        self._views: dict[str, JobView] = {}
        self._forgotten = 0
        self._lock = threading.Lock()

    def follow(
        self,
        job: Job[Any],
        *,
        model: str = "",
        request: Any = None,
        loading: JobView | None = None,
        place: str = "",
        begun: str = "",
    ) -> JobView:
        """Start to watch ``job``, once; the rest is kept beside it for the page to show."""
        with self._lock:
            if job.id in self._views:
                return self._views[job.id]
            self._forget()
            view = JobView(job=job, model=model, request=request, loading=loading, place=place, begun=begun)
            view.chunks += [begun] if begun else []
            self._views[job.id] = view
        threading.Thread(target=_read, args=(view,), name=f"view-{job.id}", daemon=True).start()
        return view

    def of(self, kind: str, place: str = "") -> tuple[JobView, ...]:
        """The views of jobs of this kind (and ``place``) that nobody dismissed, newest first."""
        with self._lock:
            views = tuple(self._views.values())
        found = (view for view in reversed(views) if view.job.kind == kind)
        return tuple(view for view in found if not view.dismissed and place in ("", view.place))

    @property
    def finished(self) -> int:
        """How many jobs have ended well that gave the library something: a new model, or figures of one."""
        with self._lock:
            return self._forgotten + sum(map(_gave, self._views.values()))

    def _forget(self) -> None:
        """Let go of views that ended and were dismissed, or that newer ones have taken the place of."""
        newer: Counter[tuple[str, str]] = Counter()
        for view in [view for view in reversed(self._views.values()) if not view.active]:
            group = (view.job.kind, view.place)
            newer[group] += 1
            if view.dismissed or (newer[group] > KEPT and group not in _LASTING):
                self._forgotten += _gave(view)
                del self._views[view.job.id]


def _gave(view: JobView) -> bool:
    return view.state is JobState.FINISHED and view.job.kind in ("convert", "get", "measure", "bench")


def _read(view: JobView) -> None:
    for event in view.job.events():
        view.apply(event)
