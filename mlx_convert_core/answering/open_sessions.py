"""The loaded models of a workspace, and one answer from each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_convert_core.model.events import FINAL, AnyEvent, JobStarted
from mlx_convert_core.running.jobs import Job

if TYPE_CHECKING:  # every workspace has sessions, and few commands open one
    from mlx_convert_core.answering.model_session import ModelSession, Terms
    from mlx_convert_core.model.requests import GenerateRequest
    from mlx_convert_core.model.results import GenerateResult
    from mlx_convert_core.running.process import TaskRunner


class Sessions:
    """Opens sessions; idle ones end, the oldest first, when the memory is needed. Safe to use from any thread."""

    def __init__(self, observer: Callable[[AnyEvent], None], free_memory: Callable[[], int]) -> None:
        self._observer = observer
        self._free_memory = free_memory
        self._open: list[ModelSession] = []
        self._lock = threading.Lock()
        self._opening = threading.Lock()  # one after the other, so that each sees what the last will take

    def open(self, path: Path, runner: Callable[[], TaskRunner], terms: Terms) -> ModelSession:
        """A session of the model at ``path``, which begins to load at once in a ``runner`` of its own."""
        from mlx_convert_core.answering.model_session import ModelSession

        with self._opening:
            self.make_room(_taken_by(path))
            session = ModelSession(path, runner(), self._observer, terms)
            with self._lock:
                self._open.append(session)
        return session

    def make_room(self, needed: int) -> None:
        """End idle sessions, the oldest first, while ``needed`` bytes are not free."""
        with self._lock:
            self._open = [session for session in self._open if not session.closed]
            idle = [session for session in self._open if not session.busy]
        needed += self._on_its_way()
        for session in idle:
            if self._free_memory() > needed:
                return
            session.close()

    def fit(self, paths: tuple[Path, ...]) -> bool:
        """Whether the models at ``paths`` can be loaded at once, after idle sessions have made room."""
        needed = sum(_taken_by(path) for path in paths)
        self.make_room(needed)
        return self._free_memory() > needed + self._on_its_way()

    def _on_its_way(self) -> int:
        """Bytes for models that are being loaded: they count as free memory still."""
        with self._lock:
            paths = [session.path for session in self._open if not session.loading.state.final]
        return sum(_taken_by(path) for path in paths)

    def close(self) -> None:
        """End all sessions."""
        with self._lock:
            sessions = list(self._open)
        for session in sessions:
            session.close()


def _taken_by(path: Path) -> int:
    """Bytes that a session of the model at ``path`` takes."""
    from mlx_convert_core.converting.memory_guard import weight_bytes
    from mlx_convert_core.model.fit import BESIDE_WEIGHTS

    return weight_bytes(path) + BESIDE_WEIGHTS


def answer_once(session: ModelSession, request: GenerateRequest, job: Job[GenerateResult]) -> GenerateResult:
    """Load, answer as ``job`` and close ``session``. Raises the errors of both."""
    with session:
        job.on_cancel(session.loading.cancel)
        _relay(session.loading, job)
        session.loading.result()
        answer = session.generate(request)
        job.on_cancel(answer.cancel)
        _relay(answer, job)
        return answer.result()


def _relay(source: Job[Any], target: Job[Any]) -> None:
    """Pass on what ``source`` tells, but for its start and its end."""
    for event in source.events():
        if not isinstance(event, (*FINAL, JobStarted)):
            target.emit(msgspec.structs.replace(event, job=target.id))
