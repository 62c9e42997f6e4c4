"""How much of what a model has before it when it answers is full."""

from __future__ import annotations

from mlx_convert_core.plugin import Conversation
from mlx_convert_ui.widgets.components import Tag, block, help_mark, progress_bar, set_progress

NEARLY = 0.9
POLICY = (
    "What the model has before it when it answers: the conversation so far. Nothing of it is left out unasked:"
    " once it is full, an answer ends there and no question is taken any more. Begin a new chat then, or shorten an"
    " earlier message."
)


class ContextMeter:
    """Draws itself on creation, unseen until something is known."""

    def __init__(self) -> None:
        with block("context-meter") as self._place:
            self._words = Tag("span", "").props("role=status").mark("context")
            self._bar = progress_bar("Context in use", "bar bar-thin")
            help_mark(POLICY)
        self._place.set_visibility(False)

    def draw(self, conversation: Conversation | None, limit: int) -> None:
        """Show what ``conversation`` takes of ``limit`` tokens (0: nobody knows how many)."""
        used = conversation.tokens if conversation is not None else 0
        self._place.set_visibility(bool(used and limit))
        if not used or not limit:
            return
        full = used >= NEARLY * limit
        self._words.show(f"{used:,} of {limit:,} tokens{', nearly full' if full else ''}")
        self._words.attribute("data-full", "true" if full else None)
        set_progress(self._bar, min(1.0, used / limit))
