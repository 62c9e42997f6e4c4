"""The UI as people start it: a process of its own, with a home, a folder to work in, and Ctrl-C."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

COMMAND = (str(Path(sys.executable).with_name("mlx-convert")), "ui", "--no-browser")
PLUGINS = Path(__file__).parent / "plugins"
PATIENCE = 120.0  # seconds; a loaded machine may need long to start a process
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\?token=\S+")


class Program:
    """Runs the UI in ``folder``/work with home ``folder``/home, which both outlive it: `start` it again.

    ``plugins`` are names of files in tests/browser/plugins, put into the home. To whom it is not ``new`` has been there
    before, and is not welcomed.
    """

    def __init__(self, folder: Path, *plugins: str, env: Mapping[str, str] | None = None, new: bool = False) -> None:
        self.home = folder / "home"
        self.work = folder / "work"
        self.log = folder / "terminal.txt"
        self.url = ""
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False  # as somebody asked
        self._known: set[psutil.Process] = set()
        self.work.mkdir(parents=True)
        (self.home / "plugins").mkdir(parents=True)
        if not new:
            (self.home / "ui.json").write_text('{"welcomed": true}')
        for name in plugins:
            shutil.copy(PLUGINS / f"{name}.py", self.home / "plugins")

    @property
    def models(self) -> Path:
        """Where conversions go unless told otherwise."""
        return self.work / "models"

    @property
    def origin(self) -> str:
        """The address without its token."""
        return self.url.partition("/?")[0]

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Program:
        """Start it, in a process group of its own as a terminal does, and wait for its address."""
        own = {"MLX_CONVERT_HOME": str(self.home), "HOME": str(self.work), "PYTHONFAULTHANDLER": "1"}
        environment = {**os.environ, **own, **self._env}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                COMMAND,
                cwd=self.work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + PATIENCE
        while not (found := _ADDRESS.search(self.log.read_text())):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, "the UI never said its address"
            time.sleep(0.01)
        self.url = found[0]
        self._ended = False
        return self

    def interrupt(self) -> int:
        """Press Ctrl-C: every process of the group is told. The exit code."""
        assert self._process is not None
        self._ended = True
        self.processes()
        os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """End the program as the system does it when memory runs out; its workers see to themselves."""
        assert self._process is not None
        self._ended = True
        self.processes()
        self._process.kill()
        self._process.wait(PATIENCE)

    def processes(self) -> list[psutil.Process]:
        """All of it that is alive, workers included; those that were seen once are remembered."""
        if self._process is not None and psutil.pid_exists(self.pid):
            process = psutil.Process(self.pid)
            self._known |= {process, *process.children(recursive=True)}
        return [process for process in self._known if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]

    def stop(self) -> None:
        """End it, whatever it is doing; a traceback in the terminal, or an end that nobody asked for, is an error."""
        if self._process is None:
            return
        died = self._process.poll() if not self._ended else None
        if self._process.poll() is None:
            self.interrupt()
        _, left = psutil.wait_procs(self.processes(), timeout=10)
        for process in left:
            process.kill()
        assert not left, f"still alive after Ctrl-C: {left}"
        assert died is None, f"it ended by itself with code {died}: {self.log.read_text()}"
        assert "Traceback" not in self.log.read_text(), self.log.read_text()
