"""Several files at once: threads that can be stopped in the middle of a read, and the progress of all together."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import Cancelled, FileInfo, Reporter

if TYPE_CHECKING:
    import httpx2

PARALLEL = 4
POLL_SECONDS = 0.05
LEAVE_SECONDS = 0.3  # what a stopped thread gets to let go of its lock


class Stopped(Cancelled):
    """This transfer was stopped."""

    def __init__(self) -> None:
        super().__init__("the transfer was stopped.")


class Transfer:
    """The state that all threads of a transfer share. Without a reporter it only counts."""

    def __init__(self, total: int = 0, report: Reporter | None = None) -> None:
        self.done = 0
        self._found = 0
        self._total = total
        self._report = report
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    def check(self) -> None:
        """Raise Stopped when the transfer was stopped."""
        if self._stop.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep; raises Stopped as soon as the transfer is stopped."""
        if self._stop.wait(seconds):
            raise Stopped

    def advance(self, size: int, *, found: bool = False) -> None:
        """Count bytes that came, or that were ``found`` here, or, below zero, that have to come again."""
        with self._lock:
            self.done += size
            self._found = min(self._found + size if found else self._found, self.done)
            if self._report is not None:
                self._report.progress("fetch", self.done, self._total, found=self._found)

    def message(self, text: str) -> None:
        """Send a line for people."""
        if self._report is not None:
            self._report.message(text)

    @contextmanager
    def watching(self, response: httpx2.Response) -> Iterator[None]:
        """Have the connection of ``response`` cut when the transfer is stopped meanwhile."""
        stream = response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        if connection is not None:
            self._sockets.add(connection)
        try:
            self.check()
            yield
        finally:
            self._sockets.discard(connection)

    def stop(self) -> None:
        """Make every thread of the transfer end, also one that waits for a silent server."""
        self._stop.set()
        for connection in list(self._sockets):
            with contextlib.suppress(OSError, ValueError):
                connection.shutdown(socket.SHUT_RDWR)


def run_all(files: Iterable[FileInfo], one: Callable[[FileInfo], Any], transfer: Transfer, report: Reporter) -> None:
    """Do ``one`` for each of ``files``, begun in order, a few at a time; raises the first error, or Cancelled.

    The work is in threads, because a read that waits for the network can't look whether the job was cancelled.
    """
    waiting = deque(files)
    errors: list[BaseException] = []

    def work() -> None:
        with contextlib.suppress(IndexError):
            while True:
                do(waiting.popleft())

    def do(file: FileInfo) -> None:
        try:
            transfer.check()
            one(file)
        except BaseException as error:
            errors.append(error)
            waiting.clear()
            transfer.stop()

    threads = [threading.Thread(target=work, name=f"fetch-{n}", daemon=True) for n in range(PARALLEL)]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            report.check_cancelled()
            threads[0].join(POLL_SECONDS)
            threads.sort(key=lambda thread: not thread.is_alive())
    finally:
        waiting.clear()
        transfer.stop()
        for thread in threads:
            thread.join(LEAVE_SECONDS)
    if errors:
        raise next((error for error in errors if not isinstance(error, Stopped)), errors[0])
