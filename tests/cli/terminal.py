"""A program at a terminal: what it shows, and what a person types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Makes the terminal the controlling one, so that Ctrl-C is a signal.
START = (
    "import fcntl, os, sys, termios\n"
    "os.setsid()\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
OVERRIDING = {"NO_COLOR", "COLUMNS", "LINES"}  # what is believed before the terminal itself


class Terminal:
    """Runs a command in a terminal of ``columns``; ``text`` is all that it has shown, without control codes."""

    def __init__(self, command: Sequence[str], cwd: Path, columns: int = 100, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in OVERRIDING}
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env={**inherited, "TERM": "xterm-256color", **environment},
        )
        os.close(theirs)
        self._shown = b""
        self._seen = 0

    @property
    def controls(self) -> list[str]:
        """The control sequences that it has sent."""
        return CONTROL.findall(self._shown.decode(errors="replace"))

    @property
    def raw(self) -> str:
        """All that it has sent."""
        return self._shown.decode(errors="replace")

    @property
    def text(self) -> str:
        shown = CONTROL.sub("", self._shown.decode(errors="replace"))
        return shown.replace("\r\n", "\n").replace("\r", "\n")  # a line drawn anew is another line

    def expect(self, text: str, timeout: float = 60) -> None:
        """Wait until ``text`` is shown, after what was expected before."""
        end = time.monotonic() + timeout
        while text not in self.text[self._seen :]:
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"never showed {text!r}, but:\n{self.text}")
        self._seen = self.text.index(text, self._seen) + len(text)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def wait(self, timeout: float = 60) -> int:
        """Wait for the end of the program; its exit code."""
        end = time.monotonic() + timeout
        while self._read(end - time.monotonic()):
            pass
        return self._process.wait(timeout)

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0.0, timeout))
        try:
            data = os.read(self._ours, 65536) if ready else b""
        except OSError:  # the program has closed its side
            data = b""
        self._shown += data
        return bool(data)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)
