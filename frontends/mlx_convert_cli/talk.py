"""A talk with a loaded model: its turns are kept as a conversation."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from mlx_convert_cli.advice import print_sampler, with_advice
from mlx_convert_cli.answers import AnswerView, tell_figures
from mlx_convert_cli.errors import AlreadyTold, tell, tell_error
from mlx_convert_cli.output import say
from mlx_convert_cli.progress import JsonView, watch
from mlx_convert_core import (
    Cancelled,
    GenerateResult,
    GenerationFailed,
    InvalidRequest,
    Job,
    MlxConvertError,
    ModelSession,
    Workspace,
)
from mlx_convert_core.plugin import (
    Attachment,
    ChatSettings,
    Conversation,
    WorkerDied,
    expanded,
    figures_of,
    model_name,
)


class Talk:
    """A conversation and the session that answers; a session that ended (idle, killed) is opened again.

    ``options`` are those of `options.answering`; they count more than what ``conversation``, an older one
    to go on with, has. With ``keep`` each answer is written into the history.
    """

    def __init__(
        self,
        workspace: Workspace,
        model: str | None,
        options: dict[str, Any],
        *,
        conversation: Conversation | None = None,
        keep: bool = True,
        as_json: bool,
    ) -> None:
        self._workspace = workspace
        consents = ("trust_remote_code", "anyway")
        numbers = {name: value for name, value in options.items() if name not in consents}
        self._consents = {name: bool(options.get(name)) for name in consents}
        path = workspace.model_path(model or (conversation.model if conversation else ""))
        if conversation is None:
            numbers = with_advice(workspace, path, numbers, as_json=as_json)
        given = {name: value for name, value in numbers.items() if value is not None}
        settings = replace(conversation.settings if conversation else ChatSettings(), **given)
        if as_json:
            print_sampler(settings)
        fresh = Conversation(id="", title="", model=path, created="", updated="")
        self.conversation = replace(conversation or fresh, model=path, settings=settings)
        self._keep = keep
        self._as_json = as_json
        self._session: ModelSession | None = None
        self._attached: tuple[Attachment, ...] = ()  # what goes with the next turn

    @property
    def name(self) -> str:
        """The model's name."""
        return model_name(self.conversation.model)

    def load(self) -> None:
        """Load the model and wait for it."""
        context = self.conversation.with_message("user", " ").request().context
        self._session = self._workspace.open(self.conversation.model, context=context, **self._consents)
        self._watch(self._session.loading)
        try:
            self._session.loading.result()
        except MlxConvertError as error:
            raise self._told(error) from error

    def reset(self, *, system: str | None = None) -> None:
        """Begin a new conversation; ``system`` replaces the system text, "" removes it."""
        settings = self.conversation.settings
        if system is not None:
            settings = replace(settings, system=system or None)
        model, self._attached = self.conversation.model, ()
        self.conversation = Conversation(id="", title="", model=model, created="", updated="", settings=settings)

    def attach(self, named: str, *, interactive: bool) -> None:
        """Show the file ``named`` with the next turn; several may be named as in a shell, with quotes or backslashes.

        An error ends a talk from a pipe, as in `answer`.
        """
        try:
            model = self._workspace.senses(self.conversation.model)
            files = tuple(Attachment.of(path) for path in _paths(named))
            if any(file.sense not in model.senses for file in files):
                hint = model.why or "Show it what it takes, or open another model."
                raise GenerationFailed(
                    f"{self.name} can't take that.", hint=hint, remedies=model.remedies, code="blind"
                )
        except MlxConvertError as error:
            if not interactive:
                raise
            tell_error(error)
            return
        self._attached += files
        say(f"With the next message: {', '.join(file.name for file in self._attached)}.")

    def answer(self, prompt: str, *, interactive: bool) -> None:
        """Stream the answer to ``prompt`` and keep both, an answer that was stopped as far as it came.

        An error ends a talk from a pipe, and only the turn of one with a person.
        """
        asked = self.conversation.with_message("user", prompt, attachments=self._attached)
        self._ask(asked, partial(asked.with_message, "assistant"), interactive=interactive)

    def go_on(self, *, interactive: bool) -> None:
        """Have the last answer go on where it ends; errors as in `answer`."""
        if not self.conversation.messages or self.conversation.messages[-1].role != "assistant":
            say("There is no answer yet that could go on.")
            return
        self._ask(self.conversation, self.conversation.continued, interactive=interactive)

    def _ask(
        self,
        asked: Conversation,
        kept: Callable[[str, Mapping[str, Any]], Conversation],
        *,
        interactive: bool,
    ) -> None:
        """Have ``asked`` answered; ``kept`` is what it becomes with the text and the figures of that."""
        if self._session is None or self._session.closed:
            self.load()
        assert self._session is not None
        job: Job[GenerateResult] = self._session.generate(asked.request())
        view = self._watch(job)
        try:
            result = job.result()
            self._remember(kept(result.text, figures_of(result)))
            if not self._as_json:
                tell_figures(result)
        except Cancelled:
            if not interactive:
                raise self._told(Cancelled("cancelled.")) from None
            self._remember(kept(view.text, {"finish_reason": "stopped"}))
            say("(stopped)")
        except MlxConvertError as error:
            if isinstance(error, WorkerDied):
                self.close()
            if not interactive:
                raise self._told(error) from error
            tell_error(error)

    def close(self) -> None:
        """End the session; the next answer opens another."""
        if self._session is not None:
            self._session.close()

    def _remember(self, conversation: Conversation) -> None:
        self.conversation, self._attached = conversation, ()
        if not self._keep:
            return
        try:
            if not conversation.id:
                made = self._workspace.conversations.create(conversation.model, conversation.settings)
                self.conversation = replace(conversation, id=made.id, created=made.created)
            self.conversation = self._workspace.conversations.save(self.conversation)
        except OSError as error:
            self._keep = False
            tell("warning", f"this conversation is not kept: {error.strerror or error}.", color="yellow")

    def _told(self, error: MlxConvertError) -> Exception:
        """``error``, or only its exit code when the job's last event has told the rest."""
        return AlreadyTold(error.exit_code) if self._as_json else error

    def _watch(self, job: Job[Any]) -> AnswerView:
        view = AnswerView()
        watch(job, JsonView() if self._as_json else view, kill=False)
        return view

    def __enter__(self) -> Talk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _paths(named: str) -> tuple[Path, ...]:
    """The files in ``named``: one, as it is typed, or several as a terminal writes those that are dropped on it."""
    whole = expanded(named) if named else Path()
    if whole.is_file():
        return (whole,)
    try:
        found = tuple(map(expanded, shlex.split(named)))
    except ValueError:  # a quote that is not closed
        found = (whole,)
    if not found:
        raise InvalidRequest("no file was named.", hint="Name a picture or a recording.", code="attachment")
    return found
