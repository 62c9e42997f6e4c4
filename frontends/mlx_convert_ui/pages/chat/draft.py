"""What was typed, added or set on the Chat page and is not sent yet: it outlives a reload."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nicegui import ui

from mlx_convert_core.plugin import Attachment, ChatSettings, Conversation
from mlx_convert_ui.pages.chat.loading import Loaded
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.sampler import Sampler


class ChatDraft:
    """The texts of all conversations ("" is a new one), and the settings of the next new one.

    Each tab has its own, and begins with that of the tab where something was typed last.
    """

    def __init__(self, studio: Studio) -> None:
        self._draft = studio.draft
        self._client = ui.context.client
        self._kept: dict[str, Any] = studio.draft.chat

    def own(self) -> bool:
        """The tab is known now: go on with its own draft. True when that is another one."""
        own = self._draft.own("chat", self._client.tab_id)
        if own is None or own == self._kept:
            return False
        self._kept = own
        return True

    @property
    def model(self) -> str:
        """The folder of the model that was chosen for a new conversation, "" where none was."""
        return str(self._kept.get("model", ""))

    def text(self, id: str) -> str:
        """What was typed for the conversation ``id``."""
        return str(self._kept.get("texts", {}).get(id, ""))

    def keep_text(self, id: str, text: str) -> None:
        """Keep what was typed."""
        self._keep(texts={**self._kept.get("texts", {}), id: text})

    def files(self, id: str) -> tuple[Attachment, ...]:
        """What was added for it."""
        found: tuple[Attachment, ...] = self._kept.get("files", {}).get(id, ())
        return found

    def keep_files(self, id: str, files: tuple[Attachment, ...]) -> None:
        """Keep what was added."""
        self._keep(files={**self._kept.get("files", {}), id: files})

    def sent(self, id: str) -> None:
        """Have nothing more for it."""
        texts, files = (dict(self._kept.get(name, {})) for name in ("texts", "files"))
        texts.pop(id, None)
        files.pop(id, None)
        self._keep(texts=texts, files=files)

    def keep(self, model: str, sampler: Sampler) -> None:
        """Keep what is set for a new conversation."""
        self._keep(model=model, sampler=sampler.values())

    def _keep(self, **changes: Any) -> None:
        self._kept = {**self._kept, **changes}
        self._draft.keep("chat", self._client.tab_id, self._kept)

    def sampler(self, loaded: Loaded) -> Sampler:
        """That of the conversation; for a new one what was set last, for another model what its authors recommend."""
        if loaded.conversation is not None:
            return Sampler.of(loaded.conversation.settings)
        sampler = Sampler(**self._kept.get("sampler", {}))
        return sampler if self._kept.get("model") == loaded.model else sampler.recommended(loaded.advice)


def settings_of(sampler: Sampler, conversation: Conversation | None) -> ChatSettings:
    """What ``sampler`` says, over what ``conversation`` is held with so far. Raises InvalidRequest."""
    settings = conversation.settings if conversation else ChatSettings()
    values = sampler.values()
    return replace(settings, **{**values, "system": values["system"].strip() or None})
