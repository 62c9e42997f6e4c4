"""What an input may not do: hang, eat memory, start a program, or touch a file that is not its own."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

HANG_SECONDS = 10  # of computing, which a busy machine does not prolong
WAIT_SECONDS = 60  # in all: for a pipe, a lock, an answer
MEMORY_BYTES = 500_000_000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGING = {"os.remove", "os.rmdir", "os.mkdir", "os.rename", "os.link", "os.symlink", "os.chmod", "os.truncate"}
_STARTING = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "pty.spawn"}

OURS = "mlx_convert_lm.tokenizers.apart"  # transformers in a process of its own, which runs no code of a model


class Hang(BaseException):
    """Raised into an input that takes too long; no BaseException of ours, so that nothing swallows it."""


class Watch:
    """Looks on while an input is tried. ``faults`` says what it did that it may not.

    ``area`` is the only folder, besides the home, that it may write to; nothing in ``outside`` may even be read.
    The longest time is in seconds, memory is the growth of the process in bytes while one input was tried.
    """

    def __init__(self, area: Path, home: Path, outside: Path) -> None:
        self.faults: list[str] = []
        self.longest = 0.0
        self.most_memory = 0
        self._mine = (area.resolve(), home.resolve())
        self._outside = outside.resolve()
        self._kept = _state(self._outside)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Watch the block; its own exceptions pass."""
        self.faults = []
        before, began = _fresh_peak(), time.perf_counter()
        with _alarm(), _Audit.on(self._heard):
            yield
        self.longest = max(self.longest, time.perf_counter() - began)
        grown = _peak() - before
        self.most_memory = max(self.most_memory, grown)
        if grown > MEMORY_BYTES:
            self.faults.append(f"took {grown / 1e6:.0f} MB")
        if _state(self._outside) != self._kept:
            self.faults.append(f"changed something in {self._outside}")

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen" and OURS in arguments[1]:
            return
        if event in _STARTING:
            self.faults.append(f"started a program: {arguments[0]}")
        elif event == "open" and isinstance(arguments[0], str | bytes):
            self._check(event, arguments[0], writes=bool((arguments[2] or 0) & _WRITING))
        elif event in _CHANGING:
            for name in arguments[1:2] if event == "os.symlink" else arguments[:2]:
                if isinstance(name, str | bytes):
                    self._check(event, name, writes=True)

    def _check(self, event: str, name: str | bytes, *, writes: bool) -> None:
        path = os.fsdecode(name)
        if not os.path.isabs(path) or path == os.devnull:
            return  # relative to a folder that is open, or to the working folder, which is looked at afterwards
        folder, last = os.path.split(path)  # a link is opened by where it leads, and changed where it lies
        real = Path(os.path.realpath(path) if event == "open" else os.path.join(os.path.realpath(folder), last))
        if real.is_relative_to(self._outside):
            self.faults.append(f"{event} reached {path}")
        elif writes and not any(real.is_relative_to(folder) for folder in self._mine):
            self.faults.append(f"{event} changed {path}")


class _Audit:
    """Python's audit hook, which can't be taken away again, and who listens to it at the moment."""

    listener: Any = None
    added = False

    @classmethod
    @contextmanager
    def on(cls, listener: Any) -> Iterator[None]:
        if not cls.added:
            sys.addaudithook(cls._hear)
            cls.added = True
        written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        cls.listener = listener
        try:
            yield
        finally:
            cls.listener = None
            sys.dont_write_bytecode = written

    @classmethod
    def _hear(cls, event: str, arguments: tuple[Any, ...]) -> None:
        listener = cls.listener
        if listener is not None and (event in _CHANGING or event in _STARTING or event == "open"):
            with suppress(ValueError, OSError):
                listener(event, arguments)


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang

    limits = ((signal.SIGPROF, signal.ITIMER_PROF, HANG_SECONDS), (signal.SIGALRM, signal.ITIMER_REAL, WAIT_SECONDS))
    old = [signal.signal(number, ring) for number, _, _ in limits]
    for _, timer, seconds in limits:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(limits, old, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def _fresh_peak() -> int:
    """Let the system forget how large this process once was, where it can; the size that it counts from now on."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024


def _state(folder: Path) -> list[tuple[str, int, int]]:
    found = [(str(path), path.lstat()) for path in sorted(folder.rglob("*"))]
    return [(name, status.st_size, status.st_mtime_ns) for name, status in found]
