"""What the worker process does: it runs tasks one by one and tells its parent. `mlx_convert_core.worker` starts it.

Both directions are lines of JSON. The parent sends `Setup` first, so that nothing is decoded before its
plugin is loaded, then `Run` for each task, `Stop` to cancel the running one. The worker sends events, and
`Done` or `Failed` for each task. End of input means that the parent is gone: the task is cancelled, and
the process ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec

from mlx_convert_core.base import codec
from mlx_convert_core.base.memory import few_collections
from mlx_convert_core.errors import ErrorInfo, PluginNotLoaded
from mlx_convert_core.model.events import AnyEvent
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.loading import PluginSet, PluginSpec
from mlx_convert_core.running.context import JobContext, Tasks

ORPHAN_SECONDS = 3.0  # what a cancelled task gets to clean up once the parent is gone


class Setup(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """The first message: the plugins that the parent has, and the home folder."""

    plugins: tuple[PluginSpec, ...]
    home: str


class Run(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """Do ``task`` for ``job``; ``payload`` is decoded by the task's own type."""

    job: str
    task: str
    payload: msgspec.Raw


class Stop(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """Cancel the task of ``job``, if it is the one that runs."""

    job: str


class Done(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """A task's result."""

    job: str
    result: msgspec.Raw


class Failed(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """A task's error."""

    job: str
    error: ErrorInfo


ToWorker = Setup | Run | Stop
FromWorker = Done | Failed


class WorkerLoop:
    """Runs tasks on the main thread while another thread listens for `Stop` and for the parent's end."""

    def __init__(self, tasks: Tasks, send: Callable[[bytes], None]) -> None:
        self._tasks = tasks
        self._send = send
        self._lock = threading.Lock()
        self._runs: SimpleQueue[Setup | Run | None] = SimpleQueue()
        self._cancelled = threading.Event()
        self._stopped: set[str] = set()
        self._current = ""
        self._kept: dict[str, Any] = {}  # until the process ends

    def listen(self, lines: Any) -> None:
        """Take the parent's messages until there are no more."""
        for line in lines:
            message: ToWorker = codec.decode(line, ToWorker)
            if isinstance(message, Stop):
                self._stop(message.job)
            else:
                self._runs.put(message)
        self._orphaned()

    def work(self) -> None:
        """Run tasks until the parent hangs up."""
        setup = self._runs.get()
        if not isinstance(setup, Setup):
            return
        plugins = PluginSet(setup.plugins)
        while (run := self._runs.get()) is not None:
            if isinstance(run, Run):
                self._answer(run, plugins, Path(setup.home))

    def _answer(self, run: Run, plugins: PluginSet, home: Path) -> None:
        with self._lock:
            self._current = run.job
            self._cancelled.clear()
            if run.job in self._stopped:
                self._cancelled.set()
        context = JobContext(
            run.job, Hooks(plugins), home, self._event, self._cancelled, kept=self._kept, in_worker=True
        )
        answer: FromWorker
        try:
            _require(plugins)
            result = perform(self._tasks, run.task, bytes(run.payload), context)
            answer = Done(job=run.job, result=msgspec.Raw(codec.to_json(result)))
        except BaseException as error:
            answer = Failed(job=run.job, error=ErrorInfo.of(error))
        self._write(codec.to_json(answer))

    def _event(self, event: AnyEvent) -> None:
        self._write(codec.to_json(event))

    def _write(self, line: bytes) -> None:
        with self._lock:
            self._send(line + b"\n")

    def _stop(self, job: str) -> None:
        with self._lock:
            self._stopped.add(job)
            if job == self._current:
                self._cancelled.set()

    def _orphaned(self) -> None:
        self._runs.put(None)
        self._cancelled.set()
        killer = threading.Timer(ORPHAN_SECONDS, os._exit, (1,))
        killer.daemon = True
        killer.start()


def perform(tasks: Tasks, task: str, payload: bytes, context: JobContext) -> Any:
    """Do one task in this process: the same code in a worker and inline."""
    kind, function = tasks[task]
    with few_collections():
        request = codec.decode(payload, kind)
    return function(request, context)


def _require(plugins: PluginSet) -> None:
    for failure in plugins.failures:
        raise PluginNotLoaded(
            f"the plugin {failure.plugin} did not load in the worker: {failure.reason}",
            hint="Repair or remove the plugin, or leave it out with MLX_CONVERT_PLUGINS.",
        )


def serve(tasks: Tasks) -> None:
    """Do ``tasks`` for the parent over standard input and output; what plugins print goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.dup(1)
    os.dup2(2, 1)

    def send(line: bytes) -> None:
        try:
            while line:
                line = line[os.write(out, line) :]
        except BrokenPipeError:
            loop._orphaned()

    loop = WorkerLoop(tasks, send)
    threading.Thread(target=loop.listen, args=(sys.stdin.buffer,), daemon=True).start()
    loop.work()
    sys.stdout.flush()
    os._exit(0)  # skip the teardown of native libraries: everything of ours is on disk
