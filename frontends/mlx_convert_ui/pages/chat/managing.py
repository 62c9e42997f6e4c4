"""What is done with an open conversation as a whole: rename it, export it, delete it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from nicegui import ui

from mlx_convert_core.plugin import Conversation
from mlx_convert_ui import wording
from mlx_convert_ui.pages.chat.dialogs import ask_title
from mlx_convert_ui.state.chats import Chats
from mlx_convert_ui.widgets.dialogs import confirm
from mlx_convert_ui.words import _

ExportForm = Literal["markdown", "json"]
Change = Callable[[Callable[[], Any]], Awaitable[Any]]  # carries it out on a thread; None when it failed, which is said


async def rename(chats: Chats, conversation: Conversation, change: Change) -> None:
    """Ask for another title, and give it."""
    title = await ask_title(conversation.title)
    if title:
        await change(lambda: chats.rename(conversation.id, title))


async def export(chats: Chats, conversation: Conversation, form: ExportForm, change: Change) -> None:
    """Download it, as text to read or as JSON to keep."""
    text = await change(lambda: chats.export(conversation.id, form))
    if text is not None:
        name = wording.file_name(conversation.title or "conversation")
        ui.download.content(text.encode(), f"{name}.{'md' if form == 'markdown' else 'json'}")


async def delete(chats: Chats, conversation: Conversation, change: Change) -> None:
    """Delete it when the user is sure, and go on with a new one."""
    title = conversation.title or _("Untitled")
    text = _("“{title}” will be deleted for good. To keep a copy, export it first.", title=title)
    sure = await confirm(_("Delete this conversation?"), text, action=_("Delete"))
    if sure:
        await change(lambda: chats.delete(conversation.id))
        ui.navigate.to("/chat")
