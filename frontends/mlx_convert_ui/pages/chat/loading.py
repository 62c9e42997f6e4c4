"""What the Chat page reads from disk before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlx_convert_core import LibraryEntry, MlxConvertError
from mlx_convert_core.plugin import Conversation, ConversationSummary, SamplerAdvice, context_of, expanded, file_names

if TYPE_CHECKING:
    from mlx_convert_ui.state.studio import Studio


@dataclass(frozen=True)
class Loaded:
    """What is read from disk for the page; ``error`` says why the conversation that was asked for is not there.

    ``model`` is the folder of the model that is chosen, ``asked`` whether the address names it, with the ``advice`` of
    its authors for a new conversation, and the ``context`` that it was made for (tokens, 0 when nobody knows).
    """

    entries: tuple[LibraryEntry, ...] = ()
    summaries: tuple[ConversationSummary, ...] = ()
    problem: str = ""
    conversation: Conversation | None = None
    missing: bool = False
    model: str = ""
    asked: bool = False
    advice: SamplerAdvice = field(default_factory=SamplerAdvice)
    context: int = 0
    error: MlxConvertError | None = None


def load(studio: Studio, id: str, model: str = "") -> Loaded:
    """Read what the page shows of the conversation ``id`` ("": a new one, with ``model`` unless that is "").

    Reads files: call it on a thread.
    """
    conversation, error = None, None
    try:
        conversation = studio.chats.get(id) if id else None
    except MlxConvertError as failure:
        error = failure
    summaries, entries = studio.chats.list(), studio.entries()
    first = next((str(entry.path) for entry in entries), "")
    chosen = str(conversation.model) if conversation else model or studio.draft.chat.get("model", "") or first
    return Loaded(
        entries=entries,
        model=chosen,
        asked=bool(model),
        advice=studio.advice(chosen) if conversation is None else SamplerAdvice(),
        context=context_of(expanded(chosen)) if chosen else 0,
        summaries=summaries,
        problem=studio.workspace.conversations.problem,
        conversation=conversation,
        missing=conversation is not None and not (conversation.model / file_names.CONFIG).is_file(),
        error=error,
    )
