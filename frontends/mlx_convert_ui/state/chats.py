"""Conversations that go on: kept by the core, answered here, drawn by any number of pages."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mlx_convert_core import Cancelled, GenerateResult, InvalidRequest, Job, JobState, MlxConvertError, Token
from mlx_convert_core.plugin import (
    Attachment,
    ChatSettings,
    Conversation,
    ConversationStore,
    ConversationSummary,
    StoredMessage,
    figures_of,
)
from mlx_convert_ui.state.answers import Answers
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.words import _

PLACE = "chat"
CLOSE_SECONDS = 5.0
_THOUGHTS = re.compile(r"\s*<think>.*?</think>\s*|(?:(?!<think>).)*?\n</think>\s*", re.DOTALL)


class Chats:
    """One for each server; safe to use from any thread. All but `version` and `view` read files: call it on a thread.

    An answer is kept as soon as it ends, whether a page looks on or not; one that was stopped as far as it came.
    ``version`` grows with every change, which holds the lock.
    """

    def __init__(self, store: ConversationStore, answers: Answers) -> None:
        self.version = 0
        self._store = store
        self._answers = answers
        self._views: dict[str, JobView] = {}
        self._keepers: list[threading.Thread] = []
        self._lock = threading.RLock()

    def view(self, id: str) -> JobView | None:
        """The answer that is being given in this conversation, or that failed."""
        return self._views.get(id)

    def list(self) -> tuple[ConversationSummary, ...]:
        """All conversations, newest first."""
        return self._store.list()

    def search(self, words: str) -> tuple[ConversationSummary, ...]:
        """Those that have ``words`` in their title or in what was said."""
        return self._store.search(words)

    def get(self, id: str) -> Conversation:
        """The conversation ``id``. Raises InvalidRequest."""
        return self._store.get(id)

    def begin(self, model: str, settings: ChatSettings, text: str, files: tuple[Attachment, ...] = ()) -> Conversation:
        """A new conversation that opens with ``text`` and ``files``. Raises MlxConvertError, and keeps nothing then."""
        _require(text)
        folder = self._answers.folder(model)
        return self.say(self._store.create(folder, settings).id, text, files)

    def say(self, id: str, text: str, files: tuple[Attachment, ...] = ()) -> Conversation:
        """Add what the user says and shows, and have it answered. Raises MlxConvertError."""
        _require(text)
        return self._answer(id, lambda conversation: conversation.with_message("user", text, attachments=files))

    def edit(self, id: str, index: int, text: str) -> Conversation:
        """Say message ``index`` differently; what came after it becomes a branch. Raises MlxConvertError."""
        _require(text)
        return self._answer(id, lambda conversation: conversation.edited(index, text))

    def regenerate(self, id: str) -> Conversation:
        """Have the last message answered again; the former answer becomes a branch. Raises MlxConvertError."""
        return self._answer(id, lambda conversation: conversation.without_last_answer())

    def go_on(self, id: str) -> Conversation:
        """Have the last answer go on where it was cut off. Raises MlxConvertError."""
        return self._answer(id, lambda conversation: conversation)

    def switch(self, id: str, at: int, by: int) -> Conversation:
        """Show the way to go on from message ``at`` that is ``by`` places further. Raises MlxConvertError."""
        with self._lock:
            self._check_idle(id)
            self._views.pop(id, None)  # one that failed
            conversation = self._store.save(self._store.get(id).switched(at, by))
            self.version += 1
        return conversation

    def change(self, id: str, *, model: str = "", settings: ChatSettings | None = None) -> None:
        """Give the conversation another model or other settings, from the next answer on. Raises MlxConvertError."""
        with self._lock:
            old = self._store.get(id)
            changed = replace(old, model=Path(model) if model else old.model, settings=settings or old.settings)
            if changed != old:
                self._store.save(changed)
                self.version += 1

    def rename(self, id: str, title: str) -> None:
        """Raises InvalidRequest for an empty title."""
        with self._lock:
            self._store.rename(id, title)
            self.version += 1

    def pin(self, id: str, pinned: bool) -> None:
        """Keep it before the others, or no more. Raises InvalidRequest."""
        with self._lock:
            self._store.pin(id, pinned)
            self.version += 1

    def delete(self, id: str) -> None:
        """Stop its answer and delete it, for good. Raises InvalidRequest."""
        with self._lock:
            view = self._views.pop(id, None)
            self._store.delete(id)
            self.version += 1
        if view is not None:
            view.job.cancel()

    def export(self, id: str, form: Literal["markdown", "json"]) -> str:
        """The conversation as a document. Raises InvalidRequest."""
        return self._store.export(id, form)

    def close(self) -> None:
        """Wait until answers that were stopped are kept."""
        for keeper in self._keepers:
            keeper.join(CLOSE_SECONDS)

    def _answer(self, id: str, change: Callable[[Conversation], Conversation]) -> Conversation:
        with self._lock:
            self._check_idle(id)
            conversation = change(self._store.get(id))
            conversation.request()  # raises before anything is kept
            self._answers.folder(str(conversation.model))
            conversation = self._store.save(conversation)
            request = _without_thoughts(conversation).request()
            view = self._answers.ask(str(conversation.model), request, PLACE)
            self._views[id] = view
            self.version += 1
            keeper = threading.Thread(target=self._keep, args=(id, view), name=f"keep-{id}", daemon=True)
            keeper.start()
            self._keepers = [*(old for old in self._keepers if old.is_alive()), keeper]
        return conversation

    def _check_idle(self, id: str) -> None:
        running = self._views.get(id)
        if running is not None and running.active:
            raise InvalidRequest(
                _("this conversation is being answered."), hint=_("Wait for the end, or stop it first."), code="busy"
            )

    def _keep(self, id: str, view: JobView) -> None:
        """Wait for the answer and keep it."""
        answer = _outcome(view.job)
        stopped = view.job.state is JobState.CANCELLED
        with self._lock:
            if self._views.get(id) is view and (stopped if answer is None else self._save(id, answer, view)):
                del self._views[id]
            self.version += 1

    def _save(self, id: str, answer: StoredMessage, view: JobView) -> bool:
        """Keep ``answer``; False when the disk refuses it, so that it can at least be read while the program runs."""
        try:
            conversation = self._store.get(id)
            if view.begun:
                kept = conversation.continued(answer.content, answer.figures)
            else:
                kept = conversation.with_message("assistant", answer.content, answer.figures)
            self._store.save(kept)
        except MlxConvertError:
            pass  # deleted by another program: there is nothing to keep it in
        except OSError:
            return False
        return True


def _outcome(job: Job[GenerateResult]) -> StoredMessage | None:
    """What there is to keep of an answer: all of it, what came before it was stopped, or None."""
    text = "".join(event.text for event in job.events() if isinstance(event, Token))
    try:
        result = job.result()
    except Cancelled:
        return StoredMessage(role="assistant", content=text, figures={"finish_reason": "stopped"}) if text else None
    except MlxConvertError:
        return None
    return StoredMessage(role="assistant", content=result.text, figures=figures_of(result))


def _without_thoughts(conversation: Conversation) -> Conversation:
    """As models want it: thoughts of earlier turns are not said to them again; an answer that goes on has its own."""
    *earlier, last = conversation.messages
    messages = (
        replace(message, content=without_thoughts(message.content)) if message.role == "assistant" else message
        for message in earlier
    )
    return replace(conversation, messages=(*messages, last))


def without_thoughts(text: str) -> str:
    """An answer without the thinking section that it begins with."""
    found = _THOUGHTS.match(text)
    return text[found.end() :] if found else text


def _require(text: str) -> None:
    if not text.strip():
        raise InvalidRequest(
            _("the message is empty."), hint=_("Type what the model should answer."), code="empty_prompt"
        )
