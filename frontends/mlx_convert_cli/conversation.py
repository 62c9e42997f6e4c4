"""A conversation with a loaded model."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Any

from mlx_convert_cli.answers import AnswerView, tell_figures
from mlx_convert_cli.errors import tell
from mlx_convert_cli.options import generate_request
from mlx_convert_cli.output import say
from mlx_convert_cli.progress import JsonView, watch
from mlx_convert_core import (
    Cancelled,
    ChatMessage,
    GenerateResult,
    Job,
    MlxConvertError,
    ModelSession,
    WorkerDied,
    Workspace,
)


class Conversation:
    """Turns so far, and the session that answers; a session that ended (idle, killed) is opened again.

    ``sampling`` holds the options of GenerateRequest. Raises the model's errors when it can't be opened.
    """

    def __init__(self, workspace: Workspace, model: str, sampling: dict[str, Any], *, as_json: bool) -> None:
        self._workspace = workspace
        self._model = workspace.model_path(model)
        self._settings = generate_request(sampling, prompt="-")  # also checks the numbers before the model loads
        self._as_json = as_json
        self._turns: tuple[ChatMessage, ...] = ()
        self._session: ModelSession | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def load(self) -> None:
        """Load the model and wait for it."""
        self._session = self._workspace.open(self._model)
        self._watch(self._session.loading)
        self._session.loading.result()

    def reset(self, *, system: str | None = None) -> None:
        """Forget all turns; ``system`` replaces the system text, "" removes it."""
        self._turns = ()
        if system is not None:
            self._settings = replace(self._settings, system=system or None)

    def answer(self, prompt: str, *, interactive: bool) -> None:
        """Stream the answer to ``prompt`` and remember both, an answer that was stopped as far as it came.

        An error ends a conversation from a pipe, and only the turn of one with a person.
        """
        turns = (*self._turns, ChatMessage(role="user", content=prompt))
        if self._session is None or self._session.closed:
            self.load()
        assert self._session is not None
        job: Job[GenerateResult] = self._session.chat(turns, self._settings)
        view = self._watch(job)
        try:
            result = job.result()
            self._turns = (*turns, ChatMessage(role="assistant", content=result.text))
            if not self._as_json:
                tell_figures(result)
        except Cancelled:
            if not interactive:
                raise
            self._turns = (*turns, ChatMessage(role="assistant", content=view.text))
            say("(stopped)")
        except MlxConvertError as error:
            if isinstance(error, WorkerDied):
                self.close()
            if not interactive:
                raise
            tell(f"error [{error.code}]", error.message, error.hint, color="red")

    def close(self) -> None:
        """End the session; the next answer opens another."""
        if self._session is not None:
            self._session.close()

    def _watch(self, job: Job[Any]) -> AnswerView:
        view = AnswerView()
        watch(job, JsonView() if self._as_json else view, kill=False)
        return view

    def __enter__(self) -> Conversation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
