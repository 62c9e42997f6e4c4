"""A loaded model that answers again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from mlx_convert_core.converting.tasks import LoadRequest, SessionRequest
from mlx_convert_core.errors import GenerationFailed
from mlx_convert_core.model.chat_message import ChatMessage
from mlx_convert_core.model.events import AnyEvent
from mlx_convert_core.model.fit import CONTEXT
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.requests import GenerateRequest
from mlx_convert_core.model.results import GenerateResult
from mlx_convert_core.running.jobs import Job, JobQueue
from mlx_convert_core.running.process import TaskRunner

IDLE_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms a model is opened: see `Workspace.open`."""

    trust_remote_code: bool = False
    context: int = CONTEXT
    anyway: bool = False


DEFAULT_TERMS = Terms()


class ModelSession:
    """A model in a worker of its own. One answer at a time; use it as a context manager, or `close` it.

    ``loading`` is the job that loads the model. The session ends by itself after ``idle_seconds`` without
    a question, and its memory comes back with it.
    """

    def __init__(
        self,
        path: Path,
        runner: TaskRunner,
        observer: Callable[[AnyEvent], None],
        terms: Terms = DEFAULT_TERMS,
        *,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.path = path
        self._runner = runner
        self._observer = observer
        self._queue = JobQueue()
        self._closed = threading.Event()
        self._idle_seconds = idle_seconds
        self._idle: threading.Timer | None = None
        self._name = str(id(self))
        asked = LoadRequest(
            session=self._name,
            path=path,
            trust_remote_code=terms.trust_remote_code,
            context=terms.context,
            anyway=terms.anyway,
        )
        self.loading: Job[Any] = self._start("load", f"Load {model_name(path)}", "load", asked, type(None))

    def generate(self, request: GenerateRequest) -> Job[GenerateResult]:
        """Answer ``request``; its pieces arrive as Token events, the figures with `Job.result`."""
        self._check_open()
        asked = SessionRequest(session=self._name, request=request)
        return self._start("generate", f"Answer with {model_name(self.path)}", "generate", asked, GenerateResult)

    def chat(self, messages: Iterable[ChatMessage], settings: GenerateRequest | None = None) -> Job[GenerateResult]:
        """Continue a conversation; ``settings`` gives the sampler's numbers, its prompt is not used."""
        turns = tuple(messages)
        request = replace(settings, prompt="", messages=turns) if settings else GenerateRequest(messages=turns)
        return self.generate(request)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed.is_set()

    @property
    def busy(self) -> bool:
        """Whether it is loading or answering now."""
        return any(not job.state.final for job in self._queue.jobs)

    def close(self) -> None:
        """Cancel what runs, end the worker and give its memory back."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._stop_idle()
        self._queue.close()
        self._runner.close()

    def __enter__(self) -> ModelSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, kind: str, title: str, task: str, payload: Any, result: type[Any]) -> Job[Any]:
        job: Job[Any] = Job(kind, title, self._observer)
        job.on_cancel(lambda: self._runner.cancel(job.id))
        self._stop_idle()

        def body(job: Job[Any]) -> Any:
            self._check_open()
            try:
                return self._runner.run(job.id, task, payload, result, job.emit)
            except BaseException:
                if task == "load" or not self._runner.alive:
                    self._give_up()
                raise
            finally:
                self._start_idle()

        return self._queue.start(job, body, heavy=True)

    def _check_open(self) -> None:
        if self.closed:
            raise GenerationFailed(f"the session of {model_name(self.path)} is closed.", hint="Open the model again.")

    def _give_up(self) -> None:
        """End a session that has no model: what waits for it finds it closed."""
        self._closed.set()
        self._runner.close()

    def _start_idle(self) -> None:
        self._stop_idle()
        if not self.closed:
            self._idle = threading.Timer(self._idle_seconds, self._close_if_idle)
            self._idle.daemon = True
            self._idle.start()

    def _close_if_idle(self) -> None:
        if self.busy:  # with an answer that was asked for while the last one ended
            self._start_idle()
        else:
            self.close()

    def _stop_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
