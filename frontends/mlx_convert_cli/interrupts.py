"""Ctrl-C while a job runs: the first cancels it, the second kills."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from mlx_convert_cli.errors import CANCELLED
from mlx_convert_core import Job

KILL_SECONDS = 1.0  # what a killed job gets to put its staging folder away


@contextmanager
def interrupts(job: Job[Any], told: Callable[[], None], *, kill: bool = True) -> Iterator[None]:
    """Cancel ``job`` at the first Ctrl-C, after calling ``told``; at the next, unless not ``kill``, end everything.

    The work is done by threads: a signal may arrive while this one holds a lock.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    presses = 0
    leaving: list[threading.Timer] = []

    def pressed(number: int, frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        if presses == 1:
            told()
            threading.Thread(target=job.cancel, daemon=True).start()
        elif kill:
            threading.Thread(target=_kill_workers, daemon=True).start()
            leaving.append(threading.Timer(KILL_SECONDS if presses == 2 else 0.0, _leave))
            leaving[-1].daemon = True
            leaving[-1].start()

    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        for timer in leaving:
            timer.cancel()


def _kill_workers() -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue


def _leave() -> None:
    if sys.stderr.isatty():
        os.write(2, b"\x1b[?25h\n")  # a live display hides the cursor
    os._exit(CANCELLED)
