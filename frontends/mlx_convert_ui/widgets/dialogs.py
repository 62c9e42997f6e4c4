"""Questions asked before something that can't be undone; waiting; errors where they arose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nicegui import ui

from mlx_convert_core import MlxConvertError
from mlx_convert_ui.widgets.components import Button, Tag, block, field, named
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import _

HIDDEN_AFTER = 0.4  # seconds after which a dialog that was answered has left the screen: three times what it takes
PATIENCE = 0.3  # seconds without a sign that something happens
_ENTER = "(event) => { if (event.key === 'Enter' && !event.isComposing) { event.preventDefault(); emit(); } }"


async def confirm(
    title: str, text: str, *, action: str, danger: bool = True, place: Path | None = None, about: str = ""
) -> bool:
    """Ask; True for ``action``. Cancel has the focus, and Escape means it too.

    ``text`` may be of a folder (``place``) and of what is in it (``about``).
    """
    with ui.dialog().props('aria-labelledby="confirm-title" transition-duration=120') as dialog, block("dialog"):
        Tag("h2", title, "dialog-title").props("id=confirm-title")
        Tag("p", text, "dialog-text")
        if place is not None:
            Tag("p", str(place), "path dialog-place")
        if about:
            Tag("p", about, "field-hint dialog-about")
        with block("dialog-actions"):
            Button(_("Cancel"), lambda: dialog.submit(False)).props("autofocus").mark("cancel")
            Button(action, lambda: dialog.submit(True), kind="danger" if danger else "primary").mark("confirm")
    return bool(await answer_of(dialog))


async def decide(title: str, text: str, *, action: str, other: str) -> str:
    """Ask which of two things is to be done; "action" or "other", "" for neither. Cancel has the focus."""
    with ui.dialog().props('aria-labelledby="decide-title" transition-duration=120') as dialog, block("dialog"):
        Tag("h2", title, "dialog-title").props("id=decide-title")
        Tag("p", text, "dialog-text")
        with block("dialog-actions"):
            Button(_("Cancel"), lambda: dialog.submit("")).props("autofocus").mark("cancel")
            Button(action, lambda: dialog.submit("action"), kind="danger").mark("confirm")
            Button(other, lambda: dialog.submit("other"), kind="primary").mark("other")
    return str(await answer_of(dialog) or "")


async def ask_line(title: str, label: str, value: str, *, action: str, mark: str = "line") -> str:
    """Ask for a line of text, which begins as ``value``; "" for none. Enter means ``action``."""
    with ui.dialog().props('aria-labelledby="line-title" transition-duration=120') as dialog, block("dialog"):
        Tag("h2", title, "dialog-title").props("id=line-title")
        with field(label) as name:
            box = named(ui.input(value=value), name).mark(mark)
            box.props("autofocus").on("keydown", lambda: dialog.submit(box.value), [], js_handler=_ENTER)
        with block("dialog-actions"):
            Button(_("Cancel"), lambda: dialog.submit("")).mark("cancel")
            Button(action, lambda: dialog.submit(box.value), kind="primary").mark("confirm")
    return str(await answer_of(dialog) or "").strip()


async def answer_of(dialog: ui.dialog) -> Any:
    """Show ``dialog`` and wait for what it is closed with; None when the page was left.

    It is taken off the page once it is hidden: what had the focus before it gets that back then.
    """
    answer = await dialog
    if not dialog.is_deleted:  # else each question would leave a dialog in the page
        with dialog:
            ui.timer(HIDDEN_AFTER, dialog.delete, once=True)
    return answer


def lasting(act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """``act``, apart from the button that it is called with: its dialogs stay when that is drawn anew meanwhile."""

    async def apart(*arguments: Any) -> Any:
        with ui.context.client.content, block("") as place:
            place.set_visibility(False)
            try:
                return await act(*arguments)
            finally:
                if not place.is_deleted:
                    ui.timer(HIDDEN_AFTER, place.delete, once=True)  # with its dialogs

    return apart


@asynccontextmanager
async def waiting(text: str) -> AsyncIterator[None]:
    """Say ``text`` with a spinner while the block runs, if that takes longer than a moment."""
    shown: list[ui.notification] = []
    timer = ui.timer(PATIENCE, lambda: shown.append(ui.notification(text, spinner=True, timeout=None)), once=True)
    try:
        yield
    finally:
        timer.cancel()
        for notification in shown:
            notification.dismiss()


def show_error(place: ui.element, error: MlxConvertError) -> None:
    """Put ``error`` into ``place``, instead of the one before it."""
    place.clear()
    with place:
        tell(error, lambda: _dismiss(place))


def _dismiss(place: ui.element) -> None:
    Button(_("Dismiss"), place.clear, classes="btn-small").mark("dismiss-error")
