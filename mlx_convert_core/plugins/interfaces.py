"""What a provider hook must hand back, as protocols. Any object with these members will do.

Sources are in `model_sources`, converters and what they round by in `model_converters`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mlx_convert_core.model.attachments import Sense
    from mlx_convert_core.model.events import Step, Unit
    from mlx_convert_core.model.library import LibraryEntry
    from mlx_convert_core.model.requests import GenerateRequest, GenerationExtras, UploadRequest
    from mlx_convert_core.model.results import GenerateResult, UploadResult


class Reporter(Protocol):
    """How running work tells its news and learns that it was cancelled."""

    def progress(self, step: Step, done: int, total: int, unit: Unit = "bytes", *, found: int = 0) -> None:
        """Report that ``done`` of ``total`` is really done; cheap enough to call for every tensor.

        ``found`` of it was there already: that took no time, and says nothing about the time that is left.
        """

    def message(self, text: str, level: Any = "info") -> None:
        """Send a line for people."""

    def token(self, text: str) -> None:
        """Send a piece of an answer."""

    def check_cancelled(self) -> None:
        """Raise Cancelled when the job was cancelled; call at every tensor, token and chunk."""


@runtime_checkable
class ModelRunner(Protocol):
    """A model that can answer. All of it runs in a worker."""

    def load(self, report: Reporter) -> None:
        """Read the weights; called once."""

    def generate(
        self, request: GenerateRequest, extras: tuple[GenerationExtras, ...], report: Reporter
    ) -> GenerateResult:
        """Answer once, sending each piece through ``report.token``."""

    def close(self) -> None:
        """Let go of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMemory:
    """Bytes that a loaded model takes: ``weights``, and the ``cache`` of a context. ``limit`` is the most that the
    computing device lends a program, 0 when that is all of the machine's memory."""

    weights: int
    cache: int = 0
    limit: int = 0


@runtime_checkable
class MeasuredRunner(ModelRunner, Protocol):
    """A runner that knows what its model takes before the weights are read."""

    def memory(self, tokens: int) -> AnswerMemory:
        """What answering takes with a context of ``tokens``, prompt and answer together. Called once, before `load`."""


@runtime_checkable
class SensingRunner(ModelRunner, Protocol):
    """A runner whose model sees or hears. Others are never asked with ``attachments``."""

    senses: frozenset[Sense]
    """``picture``, ``sound``, or both; known once the model is loaded."""


@runtime_checkable
class LibraryStore(Protocol):
    """Where the list of converted models is kept. Runs in the parent."""

    def entries(self) -> tuple[LibraryEntry, ...]:
        """All entries, newest first."""

    def add(self, entry: LibraryEntry) -> None:
        """Add ``entry``, replacing the one with the same path; paths come as the disk spells them, without links."""

    def remove(self, path: Path) -> None:
        """Forget the entry at ``path``; deletes no file. Raises EntryNotFound."""


@runtime_checkable
class UploadTarget(Protocol):
    """Somewhere a converted model can be sent. ``summary`` says in a sentence what its names look like."""

    name: str
    summary: str

    def check(self, request: UploadRequest) -> UploadRequest:
        """The request with its name filled in. Raises before anything moves: name, sign-in, rights, what is there.

        Runs in the parent; the folder need not be there yet.
        """

    def preview(self, request: UploadRequest) -> str:
        """The model card that would be sent, in Markdown; "" when none is. Runs in the parent, moves nothing."""

    def upload(self, request: UploadRequest, report: Reporter) -> UploadResult:
        """Send what is missing there, as step ``upload``. Runs in a worker, with a checked request."""
