"""What the Chat page reads from disk before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlx_convert_core import LibraryEntry, MlxConvertError
from mlx_convert_core.plugin import Conversation, ConversationSummary, file_names

if TYPE_CHECKING:
    from mlx_convert_ui.state.studio import Studio


@dataclass(frozen=True)
class Loaded:
    """What is read from disk for the page; ``error`` says why the conversation that was asked for is not there."""

    entries: tuple[LibraryEntry, ...] = ()
    summaries: tuple[ConversationSummary, ...] = ()
    problem: str = ""
    conversation: Conversation | None = None
    missing: bool = False
    error: MlxConvertError | None = None


def load(studio: Studio, id: str) -> Loaded:
    """Read what the page shows of the conversation ``id`` ("": a new one). Reads files: call it on a thread."""
    conversation, error = None, None
    try:
        conversation = studio.chats.get(id) if id else None
    except MlxConvertError as failure:
        error = failure
    summaries = studio.chats.list()
    return Loaded(
        entries=studio.entries(),
        summaries=summaries,
        problem=studio.workspace.conversations.problem,
        conversation=conversation,
        missing=conversation is not None and not (conversation.model / file_names.CONFIG).is_file(),
        error=error,
    )
