"""Conversations with models, kept as one JSON file each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlx_convert_core.base import codec
from mlx_convert_core.model.answer_settings import AnswerSettings
from mlx_convert_core.model.attachments import Attachment
from mlx_convert_core.model.chat_message import ChatMessage, Role
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.requests import GenerateRequest
from mlx_convert_core.model.results import GenerateResult

TITLE_LENGTH = 60
_COUNTED = ("generation_tokens",)  # of an answer that was given in several pieces
_ONCE = ("prompt_tokens",)  # that of its first piece: those of later ones have the piece before in them


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings(AnswerSettings):
    """How a conversation is answered."""

    @classmethod
    def of(cls, request: GenerateRequest) -> ChatSettings:
        """The settings that ``request`` has."""
        return cls(**{field.name: getattr(request, field.name) for field in fields(AnswerSettings)})

    def request(self, messages: tuple[ChatMessage, ...]) -> GenerateRequest:
        """The request that continues ``messages`` with these settings."""
        return GenerateRequest(messages=messages, **asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One turn; ``figures`` has speed and memory of an answer, ``time`` is ISO 8601 in UTC.

    ``attachments`` are the pictures and the sound that it is about.
    """

    role: Role
    content: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    time: str = ""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """How a conversation went on once from message ``at``, before that was said, or answered, differently.

    ``branches`` are those that begin later in it.
    """

    at: int
    messages: tuple[StoredMessage, ...]
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSummary:
    """What a list of conversations shows of one; ``messages`` is their number, ``pinned`` keeps it at the top."""

    id: str
    title: str
    model: Path
    created: str
    updated: str
    messages: int
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The turns between a person and the model in the folder ``model``. Times are ISO 8601 in UTC.

    ``branches`` are the other ways that it went: no turn is lost when one is said or answered anew; one that is
    ``pinned`` is shown before the others. Its methods return new values; `ConversationStore.save` keeps them.
    """

    id: str
    title: str
    model: Path
    created: str
    updated: str
    settings: ChatSettings = ChatSettings()
    messages: tuple[StoredMessage, ...] = ()
    branches: tuple[Branch, ...] = ()
    pinned: bool = False

    def with_message(
        self,
        role: Role,
        content: str,
        figures: Mapping[str, Any] | None = None,
        attachments: tuple[Attachment, ...] = (),
    ) -> Conversation:
        """One more turn at the end; the first one of the user names an untitled conversation."""
        message = StoredMessage(
            role=role, content=content, figures=dict(figures or {}), time=now(), attachments=attachments
        )
        title = self.title or (_title(content) if role == "user" else "")
        return replace(self, title=title, messages=(*self.messages, message))

    def edited(self, index: int, content: str) -> Conversation:
        """Message ``index`` with other words, its files kept; what was there becomes a branch. Raises IndexError."""
        place = range(len(self.messages))[index]
        changed = replace(self.messages[place], content=content, figures={}, time=now())
        kept = self.branched(place)
        return replace(kept, messages=(*kept.messages, changed))

    def without_last_answer(self) -> Conversation:
        """The same without the model's turns at the end, which become a branch, so that it can answer again."""
        kept = len(self.messages)
        while kept and self.messages[kept - 1].role == "assistant":
            kept -= 1
        return self.branched(kept)

    def branched(self, at: int) -> Conversation:
        """The first ``at`` messages, with all that came after them kept as a branch."""
        if at >= len(self.messages):
            return self
        inner = tuple(branch for branch in self.branches if branch.at > at)
        tail = Branch(at=at, messages=self.messages[at:], branches=inner)
        others = tuple(branch for branch in self.branches if branch.at <= at)
        return replace(self, messages=self.messages[:at], branches=(*others, tail))

    def versions(self, at: int) -> tuple[int, int]:
        """Which of how many ways to go on from message ``at`` is shown, in the order of their times: (2, 3) is the
        second of three. 0 is the first number where none is shown, as while a new answer is on its way."""
        times = [branch.messages[0].time for branch in self._others(at)]
        if at >= len(self.messages):
            return 0, len(times)
        return sum(time < self.messages[at].time for time in times) + 1, len(times) + 1

    def switched(self, at: int, by: int) -> Conversation:
        """The way to go on from message ``at`` that is ``by`` places before or after the one that is shown.

        Where none is shown it is counted from the end. Beyond the first and the last nothing changes.
        """
        place, count = self.versions(at)
        shown = place - 1 if place else count
        wanted = shown + by
        if not 0 <= wanted < count or wanted == shown:
            return self
        chosen = self._others(at)[wanted - 1 if place and wanted > shown else wanted]
        kept = self.branched(at)
        left = tuple(branch for branch in kept.branches if branch is not chosen)
        return replace(kept, messages=(*kept.messages, *chosen.messages), branches=(*left, *chosen.branches))

    def _others(self, at: int) -> list[Branch]:
        """The branches that begin at message ``at``, the oldest first."""
        found = [branch for branch in self.branches if branch.at == at and branch.messages]
        return sorted(found, key=lambda branch: branch.messages[0].time)

    def continued(self, content: str, figures: Mapping[str, Any]) -> Conversation:
        """The last message with ``content`` at its end; ``figures`` are those of making it, tokens counted together."""
        last = self.messages[-1]
        counted = {name: last.figures.get(name, 0) + figures.get(name, 0) for name in _COUNTED if name in figures}
        counted |= {name: last.figures[name] for name in _ONCE if name in last.figures}
        more = replace(last, content=last.content + content, figures={**last.figures, **figures, **counted})
        return replace(self, messages=(*self.messages[:-1], more))

    def mapped(self, change: Callable[[StoredMessage], StoredMessage]) -> Conversation:
        """Every message changed, those of branches too."""

        def branch(one: Branch) -> Branch:
            return replace(one, messages=tuple(map(change, one.messages)), branches=tuple(map(branch, one.branches)))

        return replace(self, messages=tuple(map(change, self.messages)), branches=tuple(map(branch, self.branches)))

    def all_messages(self) -> Iterator[StoredMessage]:
        """Every message, those of branches too."""
        yield from self.messages
        waiting = list(self.branches)
        while waiting:
            branch = waiting.pop()
            yield from branch.messages
            waiting += branch.branches

    def request(self) -> GenerateRequest:
        """The request for the next answer; an answer that is empty is left out. Raises InvalidRequest."""
        turns = (
            ChatMessage(
                role=one.role, content=one.content, attachments=tuple(str(file.path) for file in one.attachments)
            )
            for one in self.messages
            if one.content
        )
        return self.settings.request(tuple(turns))

    @property
    def tokens(self) -> int:
        """How many tokens it came to with its last answer, 0 when that is not known."""
        counted = (one.figures for one in reversed(self.messages) if one.role == "assistant")
        last = next(counted, {})
        return int(last.get("prompt_tokens") or 0) + int(last.get("generation_tokens") or 0)

    @property
    def summary(self) -> ConversationSummary:
        """What a list shows."""
        return ConversationSummary(
            id=self.id,
            title=self.title,
            model=self.model,
            created=self.created,
            updated=self.updated,
            messages=len(self.messages),
            pinned=self.pinned,
        )

    def has(self, words: str) -> bool:
        """Whether every one of ``words`` is in its title or in what was said, other ways that it went included."""
        wanted = words.casefold().split()
        texts = itertools.chain((self.title,), (message.content for message in self.all_messages()))
        for text in texts:
            folded = text.casefold()
            wanted = [word for word in wanted if word not in folded]
            if not wanted:
                return True
        return not wanted

    def markdown(self) -> str:
        """The conversation as a document for people; the model is named, its folder is not."""
        named = {"system": "System", "user": "You", "assistant": model_name(self.model)}
        parts = [f"# {self.title or 'Conversation'}", f"{model_name(self.model)} · {self.created[:10]}"]
        if self.settings.system:
            parts += ["## System", self.settings.system]
        for message in self.messages:
            files = "\n".join(f"({file.sense}: {file.name})" for file in message.attachments)
            parts += [f"## {named[message.role]}", *filter(None, (files, message.content))]
        return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def figures_of(result: GenerateResult) -> dict[str, Any]:
    """The figures of an answer as a message keeps them: all of GenerateResult but the text."""
    plain: dict[str, Any] = codec.plain(result)
    return {name: value for name, value in plain.items() if name != "text"}


def now() -> str:
    """This moment, as conversations store it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def is_time(stamp: str) -> bool:
    """Whether ``stamp`` is a time as conversations store it."""
    try:
        datetime.fromisoformat(stamp)
    except ValueError:
        return False
    return True


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
