"""What is done with the results of the queue's items: they are measured and sent, each by a job of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlx_convert_core.errors import Cancelled, ErrorInfo, InvalidRequest
from mlx_convert_core.home.queue_file import QueueFile
from mlx_convert_core.home.queue_item import Afterwards, FollowKind, FollowUp
from mlx_convert_core.model.events import JobState
from mlx_convert_core.running.jobs import Job

Begin = Callable[[FollowKind, Path, Afterwards], Job[Any]]


class Following:
    """Does it for one item at a time; ``begin`` starts the job of one of its results. Safe to use from any thread."""

    def __init__(self, file: QueueFile, begin: Begin) -> None:
        self._file = file
        self._begin = begin
        self._jobs: dict[str, Job[Any]] = {}

    def job(self, id: str) -> Job[Any] | None:
        """The job that runs for item ``id`` now, None when none does."""
        return self._jobs.get(id)

    def waits(self) -> bool:
        """Whether there is something to do."""
        return any(item.to_follow for item in self._file.items())

    def finish_all(self, stopped: Callable[[], bool], begun: Callable[[], None]) -> None:
        """Do what is left to do, of all items, until ``stopped``; ``begun`` is called when a job begins."""
        for item in self._file.items():
            self.finish(item.id, stopped, begun)

    def finish(self, id: str, stopped: Callable[[], bool], begun: Callable[[], None]) -> None:
        """Do what is left to do with the results of item ``id``."""
        with suppress(InvalidRequest):  # it was taken out
            while not stopped() and (left := self._file.get(id).to_follow):
                kind, path = left[0]
                ended = self._done(id, kind, path, begun, stopped)
                if ended is not None:
                    self._file.follow(id, ended)

    def cancel(self, id: str = "") -> None:
        """End what runs for item ``id``, or for any."""
        for job in [job for of, job in self._jobs.items() if id in ("", of)]:
            job.cancel()

    def _done(
        self, id: str, kind: FollowKind, path: Path, begun: Callable[[], None], stopped: Callable[[], bool]
    ) -> FollowUp | None:
        """What came of it, None when it was only stopped: it is done another time."""
        job: Job[Any] | None = None
        try:
            job = self._jobs[id] = self._begin(kind, path, self._file.get(id).then)
            begun()
            result = job.result()
        except Cancelled:
            return None if stopped() else FollowUp(kind=kind, path=path, state=JobState.CANCELLED)
        except Exception as error:
            told = ErrorInfo.of(error)
            return FollowUp(kind=kind, path=path, state=JobState.FAILED, error=told)
        finally:
            self._jobs.pop(id, None)
            if job is not None and not job.state.final:  # a person pressed Ctrl-C
                job.cancel()
        return FollowUp(kind=kind, path=path, state=JobState.FINISHED, location=getattr(result, "location", ""))
