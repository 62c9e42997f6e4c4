"""How much of what a model has before it when it answers is full."""

from __future__ import annotations

from mlx_convert_core.plugin import Conversation
from mlx_convert_ui.widgets.components import Tag, block, help_mark, progress_bar, set_progress
from mlx_convert_ui.words import _

NEARLY = 0.9


def _policy() -> str:
    return _(
        "What the model sees when it answers: the conversation so far. Nothing of it is left out without asking you. "
        "Once it is full, the answer ends there, and no more questions can be asked. Then start a new chat, or shorten "
        "an earlier message."
    )


class ContextMeter:
    """Draws itself on creation, unseen until something is known."""

    def __init__(self) -> None:
        with block("context-meter") as self._place:
            self._words = Tag("span", "").props("role=status").mark("context")
            self._bar = progress_bar(_("Context in use"), "bar bar-thin")
            help_mark(_policy())
        self._place.set_visibility(False)

    def draw(self, conversation: Conversation | None, limit: int) -> None:
        """Show what ``conversation`` takes of ``limit`` tokens (0: nobody knows how many)."""
        used = conversation.tokens if conversation is not None else 0
        self._place.set_visibility(bool(used and limit))
        if not used or not limit:
            return
        full = used >= NEARLY * limit
        tokens = {"used": f"{used:,}", "limit": f"{limit:,}"}
        words = (
            _("{used} of {limit} tokens, nearly full", **tokens) if full else _("{used} of {limit} tokens", **tokens)
        )
        self._words.show(words)
        self._words.attribute("data-full", "true" if full else None)
        set_progress(self._bar, min(1.0, used / limit))
