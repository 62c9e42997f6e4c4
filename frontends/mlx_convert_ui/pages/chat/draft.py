"""What was typed, added or set on the Chat page and is not sent yet: it outlives a reload."""

from __future__ import annotations

from mlx_convert_core.plugin import Attachment
from mlx_convert_ui.pages.chat.loading import Loaded
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.sampler import Sampler


class ChatDraft:
    """The texts of all conversations ("" is a new one), and the settings of the next new one."""

    def __init__(self, studio: Studio) -> None:
        self._kept = studio.draft.chat

    def text(self, id: str) -> str:
        """What was typed for the conversation ``id``."""
        return str(self._kept.get("texts", {}).get(id, ""))

    def keep_text(self, id: str, text: str) -> None:
        """Keep what was typed."""
        self._kept.setdefault("texts", {})[id] = text

    def files(self, id: str) -> tuple[Attachment, ...]:
        """What was added for it."""
        found: tuple[Attachment, ...] = self._kept.get("files", {}).get(id, ())
        return found

    def keep_files(self, id: str, files: tuple[Attachment, ...]) -> None:
        """Keep what was added."""
        self._kept.setdefault("files", {})[id] = files

    def sent(self, id: str) -> None:
        """Have nothing more for it."""
        self._kept.get("texts", {}).pop(id, None)
        self._kept.get("files", {}).pop(id, None)

    def keep(self, model: str, sampler: Sampler) -> None:
        """Keep what is set for a new conversation."""
        self._kept.update(model=model, sampler=sampler.values())

    def sampler(self, loaded: Loaded) -> Sampler:
        """That of the conversation; for a new one what was set last, for another model what its authors recommend."""
        if loaded.conversation is not None:
            return Sampler.of(loaded.conversation.settings)
        sampler = Sampler(**self._kept.get("sampler", {}))
        return sampler if self._kept.get("model") == loaded.model else sampler.recommended(loaded.advice)
