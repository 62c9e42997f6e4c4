"""The parent's side of a worker process, and its inline twin."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

import msgspec

from mlx_convert_core.base import codec
from mlx_convert_core.base.child_python import python_command, python_environment
from mlx_convert_core.errors import PluginNotLoaded, WorkerDied
from mlx_convert_core.model.events import AnyEvent
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.loading import PluginSet
from mlx_convert_core.refusals import no_memory
from mlx_convert_core.remedies import Report
from mlx_convert_core.running.context import JobContext, Tasks, cancelled_error
from mlx_convert_core.running.worker_loop import Done, Failed, Run, Setup, Stop, perform

T = TypeVar("T")
Emit = Callable[[AnyEvent], None]
GRACE_SECONDS = 2.0  # from cancel to SIGTERM; half as long again to SIGKILL
_FromWorker = AnyEvent | Done | Failed


class TaskRunner(Protocol):
    """Runs tasks, in a process of their own or right here."""

    @property
    def alive(self) -> bool:
        """Whether it can still run tasks."""

    def run(self, job: str, task: str, payload: Any, kind: type[T], emit: Emit) -> T:
        """Do ``task`` and return its result as a ``kind``; events go to ``emit``. Raises the task's error."""

    def cancel(self, job: str) -> None:
        """Make the running task of ``job`` end soon, whatever it does."""

    def close(self) -> None:
        """Let go of everything."""


class WorkerProcess:
    """A worker process. Started at once, so that it imports while the parent goes on."""

    def __init__(self, plugins: PluginSet, home: Path) -> None:
        unnamed = [spec.name for spec in plugins.specs if spec.kind == "object"]
        if unnamed:
            raise PluginNotLoaded(
                f"a worker can't load the plugin object {unnamed[0]}.",
                hint="Put the plugin in an importable module and pass the module, or use inline=True.",
            )
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            python_command("-m", "mlx_convert_core.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C in the terminal reaches the parent only
            env=_environment(),
        )
        self._lock = threading.Lock()
        self._current = ""
        self._cancelled: set[str] = set()
        self._timers: list[threading.Timer] = []
        self._send(Setup(plugins=plugins.specs, home=str(home)))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def run(self, job: str, task: str, payload: Any, kind: type[T], emit: Emit) -> T:
        """See TaskRunner. Raises WorkerDied when the process ends without an answer."""
        with self._lock:
            self._current = job
            if job in self._cancelled:
                raise cancelled_error()
        self._send(Run(job=job, task=task, payload=msgspec.Raw(codec.to_json(payload))))
        try:
            result: T = codec.decode(self._answer(job, emit), kind)
            return result
        finally:
            with self._lock:
                self._current = ""
                self._drop_timers()

    def cancel(self, job: str) -> None:
        """Ask; terminate after the grace period; kill after half of it again."""
        with self._lock:
            self._cancelled.add(job)
            if job != self._current:
                return
            self._send(Stop(job=job))
            self._after(GRACE_SECONDS, self._process.terminate)
            self._after(GRACE_SECONDS * 1.5, self._process.kill)

    def _answer(self, job: str, emit: Emit) -> bytes:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message: AnyEvent | Done | Failed = codec.decode(line, _FromWorker)
            if isinstance(message, Done):
                return bytes(message.result)
            if isinstance(message, Failed):
                raise message.error.exception()
            emit(message)
        code = self._process.wait()
        if job in self._cancelled:
            raise cancelled_error()
        raise _death(code, self._log_tail())

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def close(self) -> None:
        """Hang up and wait; a worker that does not leave is killed."""
        self._drop_timers()
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self._process.wait(timeout=GRACE_SECONDS * 2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def _send(self, message: Setup | Run | Stop) -> None:
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(codec.to_json(message) + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # dead or closed: run() sees the end of its output and says why

    def _drop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _log_tail(self) -> str:
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 8000))
        return self._log.read().decode(errors="replace")


class InlineRunner:
    """Runs tasks in this process and thread: for debugging, and for plugins that no worker can load."""

    def __init__(self, tasks: Tasks, plugins: PluginSet, home: Path) -> None:
        self._tasks = tasks
        self._plugins = plugins
        self._home = home
        self._lock = threading.Lock()
        self._cancelled: dict[str, threading.Event] = {}
        self._kept: dict[str, Any] = {}
        self.alive = True

    def run(self, job: str, task: str, payload: Any, kind: type[T], emit: Emit) -> T:
        """See TaskRunner."""
        context = JobContext(job, Hooks(self._plugins), self._home, emit, self._flag(job), kept=self._kept)
        result = perform(self._tasks, task, codec.to_json(payload), context)
        answer: T = codec.decode(codec.to_json(result), kind)
        return answer

    def cancel(self, job: str) -> None:
        """See TaskRunner; the task itself has to listen."""
        self._flag(job).set()

    def close(self) -> None:
        """Let go of what tasks have kept, such as a loaded model."""
        while self._kept:
            _, kept = self._kept.popitem()
            kept.close()

    def _flag(self, job: str) -> threading.Event:
        with self._lock:
            return self._cancelled.setdefault(job, threading.Event())


def _environment() -> dict[str, str]:
    return python_environment(PYTHONUNBUFFERED="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error")


# What native code says before it aborts -> our code, message and hint.
_LAST_WORDS = (
    (
        ("kIOGPUCommandBufferCallbackErrorOutOfMemory", "Insufficient Memory"),
        "oom_metal",
        "the GPU ran out of memory.",
        "Close other apps and run it again.",
    ),
    (
        ("kIOGPUCommandBufferCallbackErrorTimeout", "GPU Timeout"),
        "gpu_timeout",
        "one GPU command ran too long and was stopped by macOS.",
        "This is often a slow disk or swapping. Close other apps and run it again.",
    ),
)


def _death(code: int, log: str) -> WorkerDied:
    for phrases, error_code, message, hint in _LAST_WORDS:
        if any(phrase in log for phrase in phrases):
            return _with_log(WorkerDied(message, hint=hint, code=error_code), log)
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        error = WorkerDied(
            "the worker was killed by the system (signal 9), most likely for want of memory.",
            hint="Close other apps and run it again, or use a machine with more memory.",
            code="killed",
        )
    elif no_memory(log):
        error = WorkerDied(
            "the worker ended for want of memory.",
            hint="Close other apps and run it again, or use a machine with more memory.",
            code="out_of_memory",
        )
    elif code < 0:
        name = signal.Signals(-code).name
        error = WorkerDied(
            f"the worker was ended by {name}, in native code.",
            hint="Run it again. If it happens twice, please report it.",
            remedies=(Report(),),
            code="crashed",
        )
    else:
        error = WorkerDied(
            f"the worker ended without an answer (exit code {code}).",
            hint="Run it again. If it happens twice, please report it.",
            remedies=(Report(),),
        )
    return _with_log(error, log)


def _with_log(error: WorkerDied, log: str) -> WorkerDied:
    if log.strip():
        error.add_note(log)
    return error
