"""Connections that ask for nothing: they are closed, so that they can't use up what a process may hold open."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

SECONDS = 10.0  # for the whole head of a request; browsers send it at once
MOST = 100  # connections that may wait so at a time: macOS lets a process open 256 files unless it asks for more
OPEN_FILES = 4096  # that we ask for: tabs, workers and downloads need a few hundred


def allow_open_files() -> None:
    """Raise this process's limit of open files, and its children's, where it is low and the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class ImpatientProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's HTTP, which by itself waits for a request as long as the other side likes."""

    _ending: asyncio.TimerHandle | None = None  # while no request is being answered,
    _since = 0  # which began at this time; loops count in ms, and many may come in one

    def connection_made(self, transport: Any) -> None:
        """See asyncio. When too many wait, the one that has waited longest goes."""
        super().connection_made(transport)
        self._wait()
        waiting = [other for other in self.connections if getattr(other, "_ending", None) is not None]
        if len(waiting) > MOST:
            longest = min(waiting, key=lambda other: other._since)
            longest._stop_waiting()
            longest.transport.abort()

    def data_received(self, data: bytes) -> None:
        """See asyncio. What comes may complete a request, or make a websocket of the connection."""
        super().data_received(data)
        if self not in self.connections or (self.cycle is not None and not self.cycle.response_complete):
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """See uvicorn. The next request may come now, or has come already."""
        super().on_response_complete()
        if self in self.connections and self.cycle.response_complete and not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._since = time.monotonic_ns()
        self._ending = self.loop.call_later(SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
