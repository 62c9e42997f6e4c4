"""The queue of conversions: kept in `queue.json`, carried out one at a time, by one program at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mlx_convert_core.base.private import private_folder
from mlx_convert_core.errors import Cancelled, ErrorInfo, MlxConvertError, QueueBusy
from mlx_convert_core.home.following import Begin, Following
from mlx_convert_core.home.queue_file import QueueFile
from mlx_convert_core.home.queue_item import Afterwards, QueueItem
from mlx_convert_core.model.events import JobState
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.model.results import ConvertResult
from mlx_convert_core.remedies import RunCommand
from mlx_convert_core.running.jobs import Job

LOOK_SECONDS = 0.5  # how often the changes of other programs are looked for
STOP_SECONDS = 10.0


class ConversionQueue:
    """Conversions to be done, in order; they stay when the program ends. Safe to use from any thread.

    An item that ran in a program that died waits again. ``convert`` starts the job of a request, ``follow_up`` that of
    something that is to be done with a result.
    """

    def __init__(self, home: Path, convert: Callable[[ConvertRequest], Job[ConvertResult]], follow_up: Begin) -> None:
        self._file = QueueFile(home / "queue.json")
        self._following = Following(self._file, follow_up)
        self._home = home
        self._convert = convert
        self._jobs: dict[str, Job[ConvertResult]] = {}
        self._running: Job[ConvertResult] | None = None
        self._thread: threading.Thread | None = None
        self._turning = threading.Lock()  # held while the background thread begins, or ends
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._begun = 0

    # What is there

    @property
    def version(self) -> int:
        """A number that grows with every change, those of other programs included; cheap to ask."""
        return self._file.version + self._begun

    @property
    def problem(self) -> str:
        """What could not be read of the file, "" when all is well; ask after `items`."""
        return self._file.problem

    @property
    def started(self) -> bool:
        """Whether waiting items are carried out in the background: `start` was called, and not `stop` since."""
        return self._thread is not None

    @property
    def busy_elsewhere(self) -> bool:
        """Whether another program works on an item."""
        return any(item.state is JobState.RUNNING and not item.job for item in self.items())

    def items(self) -> tuple[QueueItem, ...]:
        """All items, in order."""
        return tuple(self._with_job(item) for item in self._file.items())

    def get(self, id: str) -> QueueItem:
        """The item ``id``; raises InvalidRequest (code ``no_item``)."""
        return self._with_job(self._file.get(id))

    def job(self, id: str) -> Job[ConvertResult] | None:
        """The job of item ``id`` in this program, None when it did not begin here."""
        return self._jobs.get(id)

    def follow_up(self, id: str) -> Job[Any] | None:
        """The job that does something with a result of item ``id`` in this program now, None when none does."""
        return self._following.job(id)

    # Change it

    def add(self, request: ConvertRequest, then: Afterwards | None = None) -> QueueItem:
        """Put ``request`` at the end. Folders and files in it are kept as whole paths; ``then`` is done afterwards."""
        return self.add_many([request], then)[0]

    def add_many(self, requests: Iterable[ConvertRequest], then: Afterwards | None = None) -> tuple[QueueItem, ...]:
        """Put several requests at the end, in order."""
        added = tuple(QueueItem.of(request, then or Afterwards()) for request in requests)
        self._file.append(added)
        self._wake.set()
        return added

    def move(self, id: str, position: int) -> None:
        """Put item ``id`` at ``position``, counted from 0; raises InvalidRequest (code ``no_item``)."""
        self._file.move(id, position)

    def remove(self, id: str) -> None:
        """Take item ``id`` out. Raises InvalidRequest (codes ``no_item``, ``item_running``)."""
        self._file.remove(id)

    def cancel(self, id: str) -> None:
        """End item ``id``, also one that runs in another program, or what is done with its results here."""
        self._file.cancel(id)
        self._following.cancel(id)
        job = self._jobs.get(id)
        if job is not None:
            job.cancel()

    def retry(self, id: str) -> None:
        """Have a failed or cancelled item wait again, where it stands, or have again done with its results what failed.

        Raises InvalidRequest (code ``retry``).
        """
        self._file.retry(id)
        self._jobs.pop(id, None)
        self._wake.set()

    def clear(self, finished_only: bool = True) -> tuple[QueueItem, ...]:
        """Take out what has ended, well or not, and, unless ``finished_only``, what waits; what was taken out."""
        return self._file.clear(waiting=not finished_only)

    # Carry it out

    def drain(self) -> Generator[QueueItem, None, None]:
        """Convert the waiting items one after the other; gives each once it has begun.

        `job` then has its job, or None if it failed at once. The next begins when the caller goes on and the
        job has ended. A caller who leaves (use `contextlib.closing`) cancels the running item, which then waits
        again. Raises QueueBusy while another program, or thread, does the same.
        """
        turn = self._take_turn()
        try:
            self._following.finish_all(self._stopping.is_set, self._news)
            while not self._stopping.is_set() and (item := self._file.begin()) is not None:
                yield from self._carry_out(item)
        finally:
            turn.release()

    def start(self) -> None:
        """Convert waiting items in the background, those added later too, until `stop`."""
        with self._turning:
            if self._thread is None:
                self._stopping.clear()
                self._thread = threading.Thread(target=self._keep_draining, name="conversion-queue", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Take no more items in the background; one that runs is cancelled and waits again."""
        with self._turning:
            thread, self._thread = self._thread, None
            if thread is None:
                return
            self._stopping.set()
            self._wake.set()
            if self._running is not None:
                self._running.cancel()
            self._following.cancel()
            thread.join(STOP_SECONDS)

    def _take_turn(self) -> FileLock:
        private_folder(self._home)
        turn = FileLock(self._home / "queue.run.lock", timeout=0, thread_local=False)
        try:
            turn.acquire()
        except Timeout:
            raise QueueBusy(
                "another program is working through the queue.",
                hint="It takes what you add, too.",
                remedies=(RunCommand("queue list"),),
            ) from None
        return turn

    def _keep_draining(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            with suppress(QueueBusy, OSError):  # tried again in a moment
                if any(item.state is JobState.QUEUED for item in self.items()) or self._following.waits():
                    with closing(self.drain()) as items:
                        for _ in items:
                            pass
            self._wake.wait(LOOK_SECONDS)

    def _carry_out(self, item: QueueItem) -> Iterator[QueueItem]:
        """Run one item to its end."""
        try:
            job = self._convert(item.request)
        except Exception as error:
            ended = self._file.end(item.id, JobState.FAILED, error=ErrorInfo.of(error))
            yield ended or item
            return
        self._jobs[item.id] = self._running = job
        self._begun += 1
        if self._stopping.is_set():
            job.cancel()
        threading.Thread(target=self._watch, args=(item.id, job), name=f"watch-{job.id}", daemon=True).start()
        left = True
        try:
            yield self._with_job(item)
            left = False
        finally:
            if left:
                job.cancel()
            self._write_down(item.id, job, lambda: left or self._stopping.is_set())
            self._running = None
        self._following.finish(item.id, self._stopping.is_set, self._news)

    def _news(self) -> None:
        self._begun += 1

    def _write_down(self, id: str, job: Job[ConvertResult], stopped: Callable[[], bool]) -> None:
        """Wait for the end of ``job`` and keep it; one that was only stopped waits again."""
        try:
            result = job.result()
        except Cancelled:
            again = stopped() and not self._file.cancel_asked(id)
            self._file.end(id, JobState.QUEUED if again else JobState.CANCELLED)
            if again:
                self._jobs.pop(id, None)
        except MlxConvertError as error:
            self._file.end(id, JobState.FAILED, error=ErrorInfo.of(error))
        else:
            self._file.end(id, JobState.FINISHED, result=result)

    def _watch(self, id: str, job: Job[ConvertResult]) -> None:
        """Cancel ``job`` when another program says so in the file."""
        while not job.state.final:
            with suppress(TimeoutError, MlxConvertError):
                job.result(LOOK_SECONDS)
            with suppress(OSError):
                if self._file.cancel_asked(id):
                    job.cancel()

    def _with_job(self, item: QueueItem) -> QueueItem:
        job = self._jobs.get(item.id)
        return replace(item, job=job.id) if job is not None else item
