"""The news of a job. Every job ends with exactly one JobFinished, JobFailed or JobCancelled."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any, Literal

import msgspec

from mlx_convert_core.errors import ErrorInfo

Step = Literal[
    "resolve",
    "inspect",
    "plan",
    "fetch",
    "calibrate",
    "quantize",
    "write",
    "check",
    "verify",
    "publish",
    "store",
    "load",
    "generate",
    "reference",
    "score",
    "measure",
    "upload",
]
Unit = Literal["bytes", "tensors", "tokens", "files", "answers"]


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will come."""
        return self in (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Base of all events; ``job`` is the job's id, ``time`` seconds since the epoch."""

    job: str = ""
    time: float = msgspec.field(default_factory=time.time)


class JobStarted(Event, frozen=True, kw_only=True):
    """A job left the queue. ``kind`` is convert, upload, load or generate; ``title`` is for people."""

    kind: str
    title: str


class StepStarted(Event, frozen=True, kw_only=True):
    """A step of the job began."""

    step: Step


class StepFinished(Event, frozen=True, kw_only=True):
    """A step ended well, after ``seconds``."""

    step: Step
    seconds: float


class Progress(Event, frozen=True, kw_only=True):
    """``done`` of ``total`` really read, written or fetched; ``found`` of it was there before the step began.

    ``eta`` is in seconds, once it can be told and for bytes and tokens only: tensors differ too much in size.
    """

    step: Step
    done: int
    total: int
    unit: Unit = "bytes"
    found: int = 0
    eta: float | None = None

    @property
    def moved(self) -> int:
        """What of ``done`` this step did itself."""
        return self.done - self.found


class Message(Event, frozen=True, kw_only=True):
    """A line for people; ``debug`` lines go to the log only."""

    level: Literal["debug", "info", "warning"]
    text: str


class Token(Event, frozen=True, kw_only=True):
    """A piece of an answer, in order."""

    text: str


class JobFinished(Event, frozen=True, kw_only=True):
    """The job is done; `Job.result()` has what it made, ``result`` the same as plain data."""

    result: Any = None


class JobFailed(Event, frozen=True, kw_only=True):
    """The job failed with ``error``; nothing half-made is left."""

    error: ErrorInfo


class JobCancelled(Event, frozen=True, kw_only=True):
    """The job was cancelled; nothing half-made is left."""


AnyEvent = JobStarted | StepStarted | StepFinished | Progress | Message | Token | JobFinished | JobFailed | JobCancelled
FINAL = (JobFinished, JobFailed, JobCancelled)
