"""Work in a thread of its own, watched: it can be left at once when the job is cancelled, or when it falls silent.

The client's own calls can't be stopped: they wait for silent servers as long as it takes.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from mlx_convert_hub.fetch.transfer import POLL_SECONDS, Stopped

T = TypeVar("T")


class Stalled(Exception):
    """Nothing moved for too long."""


class WorkProgress:
    """How far a piece of work is, in bytes; told by the thread that does it, read by the one that watches."""

    def __init__(self) -> None:
        self.position = 0
        self._moved = time.monotonic()
        self._ended = False
        self._at_end: Callable[[], None] | None = None

    def at(self, position: int) -> None:
        """Note the new position."""
        if position != self.position:
            self.position = position
            self.beat()

    def beat(self) -> None:
        """Note that something happens."""
        self._moved = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since anything happened."""
        return time.monotonic() - self._moved

    def check(self) -> None:
        """Raise Stopped once nobody waits for the work any more."""
        if self._ended:
            raise Stopped

    def at_end(self, abort: Callable[[], None]) -> None:
        """Have ``abort`` called when the work is left unfinished."""
        self._at_end = abort

    def end(self) -> None:
        """Leave the work unfinished."""
        self._ended = True
        if self._at_end is not None:
            with contextlib.suppress(Exception):
                self._at_end()


def attend(work: Callable[[], T], pulse: WorkProgress, watch: Callable[[], None], patience: float) -> T:
    """The result of ``work``, done on another thread while ``watch`` is called again and again.

    Leaves the work, and raises, when ``watch`` does; after ``patience`` seconds of silence raises Stalled. Work that
    is done counts, whatever is asked for by then.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="hub-upload", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL_SECONDS)
            if not thread.is_alive():
                break
            watch()
            if pulse.silence > patience:
                raise Stalled(f"nothing moved for {patience:.0f} s")
    except BaseException:
        if not results:
            pulse.end()
            raise
    if errors:
        raise errors[0]
    return results[0]
