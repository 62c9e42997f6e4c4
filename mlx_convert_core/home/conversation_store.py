"""Where conversations are kept: `conversations/<id>.json` in the home folder, their pictures in `<id>/` beside it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlx_convert_core.base import codec
from mlx_convert_core.base.documents import JsonDocument, began_anew, no_news
from mlx_convert_core.base.paths import expanded
from mlx_convert_core.base.private import close_folder, private_folder
from mlx_convert_core.errors import InvalidRequest, MlxConvertError
from mlx_convert_core.home.kept_files import KeptFiles
from mlx_convert_core.model.conversations import ChatSettings, Conversation, ConversationSummary, is_time, now
from mlx_convert_core.remedies import RunCommand

ID = re.compile(r"[0-9a-f]{4,32}")


class ConversationStore:
    """Conversations on disk. Safe to use from several threads and programs: the last save counts, and is whole.

    A damaged file is moved aside, and `problem` says so until one is changed; one that can't be understood stays.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / "conversations"
        self.problem = ""
        self._summaries: dict[Path, tuple[tuple[int, ...], ConversationSummary]] = {}

    def list(self) -> tuple[ConversationSummary, ...]:
        """All conversations, the one that was changed last first. A file that is as it was is not read again."""
        read = {path: self._summary(path) for path in self._files()}
        for gone in set(self._summaries) - read.keys():
            self._summaries.pop(gone, None)
        aside = [path.name for path in began_anew(self.folder)]
        unread = sorted(path.name for path, one in read.items() if one is None and path.exists())
        undated = sorted(path.name for path, one in read.items() if one is not None and not is_time(one.updated))
        self.problem = self._told([*aside, *unread], undated)
        found = [one for one in read.values() if one is not None]
        return tuple(sorted(found, key=lambda one: one.updated if is_time(one.updated) else "", reverse=True))

    def search(self, words: str) -> tuple[ConversationSummary, ...]:
        """Those of `list` that have every one of ``words`` in their title or in what was said. Reads every file."""
        if not words.strip():
            return self.list()
        read = ((one, self._readable(self.folder / f"{one.id}.json")) for one in self.list())
        return tuple(one for one, conversation in read if conversation is not None and conversation.has(words))

    def get(self, id: str) -> Conversation:
        """The conversation ``id``; raises InvalidRequest (codes ``no_conversation``, ``conversation_damaged``)."""
        document = self._document(id)
        stored = document.read()
        if document.moved_aside is not None:
            raise _damaged(id, f"It was kept as {document.moved_aside}")
        if not stored:
            raise _unknown(id)
        try:
            return self.files(id).placed(_conversation(stored))
        except (msgspec.ValidationError, MlxConvertError) as error:
            raise _damaged(id, f"{error}. See {document.path}") from None

    def create(self, model: str | Path, sampler: ChatSettings | None = None, title: str = "") -> Conversation:
        """A new conversation with the model in the folder ``model``, kept at once."""
        return self.save(
            Conversation(
                id=secrets.token_hex(6),
                title=title.strip(),
                model=expanded(model).absolute(),
                created=now(),
                updated="",
                settings=sampler or ChatSettings(),
            )
        )

    def save(self, conversation: Conversation) -> Conversation:
        """Keep ``conversation`` as it is now; what was kept comes back, with its new time.

        Its attachments are copied, and copies that it has no more go. Raises OSError, and CorruptCheckpoint for an
        attachment that is no file.
        """
        document, files = self._document(conversation.id), self.files(conversation.id)
        close_folder(private_folder(self.folder))  # 0.1.0 left it open to others
        kept = files.keep(replace(conversation, updated=now()))
        document.update(lambda stored: stored.update(codec.plain(files.named(kept))))
        files.prune(kept)
        no_news(self.folder)
        return kept

    def files(self, id: str) -> KeptFiles:
        """The pictures and the sound of the conversation ``id``. Raises InvalidRequest (``no_conversation``)."""
        return KeptFiles(self._document(id).path.with_suffix(""))

    def rename(self, id: str, title: str) -> Conversation:
        """Give the conversation ``id`` another title; raises as `get`, and InvalidRequest for an empty one."""
        if not title.strip():
            raise InvalidRequest("the new title is empty.", hint="Type one, or leave the old.", code="title")
        return self.save(replace(self.get(id), title=title.strip()))

    def pin(self, id: str, pinned: bool = True) -> None:
        """Keep the conversation ``id`` before the others, or no more; its time stays. Raises as `get`."""
        self.get(id)
        self._document(id).update(lambda stored: stored.update(pinned=pinned))

    def delete(self, id: str) -> None:
        """Delete the conversation ``id`` with its pictures, for good. Raises InvalidRequest (``no_conversation``)."""
        document = self._document(id)
        if not document.path.exists():
            raise _unknown(id)
        self.files(id).remove()
        try:
            document.delete()
        except FileNotFoundError:
            raise _unknown(id) from None
        no_news(self.folder)

    def export(self, id: str, form: Literal["markdown", "json"]) -> str:
        """The conversation ``id`` as a Markdown document, or as JSON that `load` reads, pictures and all.

        Raises as `get`.
        """
        conversation = self.get(id)
        if form == "markdown":
            return conversation.markdown()
        return codec.to_json(self.files(id).filled(conversation), indent=True).decode()

    def load(self, text: str | bytes) -> Conversation:
        """Keep an exported conversation, under a new id if its own is taken. Raises InvalidRequest."""
        try:
            conversation = _conversation(codec.decode(text, dict[str, Any]))
        except (msgspec.DecodeError, RecursionError, MlxConvertError) as error:
            raise InvalidRequest(
                f"this is no exported conversation: {error}.",
                hint="Take a file that was exported as JSON.",
                code="conversation",
            ) from None
        taken = not ID.fullmatch(conversation.id) or self._document(conversation.id).path.exists()
        kept = replace(conversation, id=secrets.token_hex(6)) if taken else conversation
        return self.save(self.files(kept.id).unpacked(kept))

    def _told(self, unread: Sequence[str], undated: Sequence[str]) -> str:
        told = []
        if unread:
            told.append(f"{len(unread)} conversations can't be read: {', '.join(unread)} in {self.folder}.")
        if undated:
            told.append(f"when these were changed is no time, so they stand last: {', '.join(undated)}.")
        return " ".join(told)

    def _files(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from (path for path in sorted(self.folder.glob("*.json")) if ID.fullmatch(path.stem))

    def _readable(self, path: Path) -> Conversation | None:
        try:
            return self.get(path.stem)
        except InvalidRequest:
            return None

    def _summary(self, path: Path) -> ConversationSummary | None:
        """What a list shows of the file at ``path``; None when that can't be read."""
        try:
            found = path.stat()
        except OSError:
            return None
        stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        known = self._summaries.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        conversation = self._readable(path)
        if conversation is None:
            self._summaries.pop(path, None)
            return None
        self._summaries[path] = stamp, conversation.summary
        return conversation.summary

    def _document(self, id: str) -> JsonDocument:
        if not ID.fullmatch(id):
            raise _unknown(id)
        return JsonDocument(self.folder / f"{id}.json", lock=self.folder / ".lock")


def _conversation(stored: dict[str, Any]) -> Conversation:
    known = {name: value for name, value in stored.items() if name != "schema"}
    if not isinstance(known.get("pinned"), bool):
        known.pop("pinned", None)  # where it stands in a list is no reason not to read it
    return codec.from_plain(known, Conversation)


def _unknown(id: str) -> InvalidRequest:
    return InvalidRequest(
        f"there is no conversation '{id}'.", remedies=(RunCommand("conversations list"),), code="no_conversation"
    )


def _damaged(id: str, more: str) -> InvalidRequest:
    return InvalidRequest(
        f"the conversation '{id}' can't be read. {more}.",
        hint="The others are untouched.",
        remedies=(RunCommand("conversations list"),),
        code="conversation_damaged",
    )
