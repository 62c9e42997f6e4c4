"""What is asked about a conversation: another title, other settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from mlx_convert_ui.widgets.components import Button, Tag, block, field, named
from mlx_convert_ui.widgets.dialogs import answer_of
from mlx_convert_ui.widgets.sampler import Sampler, SamplerFields
from mlx_convert_ui.words import _

_ENTER = "(event) => { if (event.key === 'Enter' && !event.isComposing) { event.preventDefault(); emit(); } }"


async def ask_title(title: str) -> str:
    """Another title for a conversation; "" when it stays as it is."""
    with ui.dialog().props('aria-labelledby="title-title" transition-duration=120') as dialog, block("dialog"):
        Tag("h2", _("Rename the conversation"), "dialog-title").props("id=title-title")
        with field(_("Title")) as name:
            box = named(ui.input(value=title), name).mark("title")
            box.props("autofocus").on("keydown", lambda: dialog.submit(box.value), [], js_handler=_ENTER)
        with block("dialog-actions"):
            Button(_("Cancel"), lambda: dialog.submit("")).mark("cancel")
            Button(_("Rename"), lambda: dialog.submit(box.value), kind="primary").mark("confirm")
    return str(await answer_of(dialog) or "").strip()


class SettingsDrawer:
    """The sampler's numbers at the right edge; ``kept`` is called when it closes, if something changed."""

    def __init__(self, sampler: Sampler, kept: Callable[[], Awaitable[Any]]) -> None:
        self._kept = kept
        self._changed = False
        drawer = ui.dialog().props('position=right full-height aria-labelledby="drawer-title" transition-duration=120')
        with drawer.mark("drawer") as self._dialog, block("dialog drawer"):
            with block("drawer-head"):
                Tag("h2", _("Settings"), "dialog-title").props("id=drawer-title")
                close = Button("", self._dialog.close, icon="x", kind="ghost", label=_("Close the settings"))
                close.classes("push").mark("close-settings")
            Tag("p", _("For this conversation, from the next answer on."), "field-hint drawer-hint")
            self.fields = SamplerFields(sampler, self._note)
        self._dialog.on("hide", self._hidden, [])

    def open(self) -> None:
        """Show it."""
        self._dialog.open()

    def _note(self) -> None:
        self._changed = True

    async def _hidden(self) -> None:
        if self._changed:
            self._changed = False
            await self._kept()
