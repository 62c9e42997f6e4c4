"""What is asked about a conversation: another title, other settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from mlx_convert_core.plugin import ChatSettings
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, block
from mlx_convert_ui.widgets.dialogs import ask_line
from mlx_convert_ui.widgets.sampler import Sampler, SamplerFields
from mlx_convert_ui.words import _


async def ask_title(title: str) -> str:
    """Another title for a conversation; "" when it stays as it is."""
    return await ask_line(_("Rename the conversation"), _("Title"), title, action=_("Rename"), mark="title")


class SettingsDrawer:
    """The sampler's numbers at the right edge; ``kept`` is called when it closes, if something changed."""

    def __init__(self, studio: Studio, sampler: Sampler, kept: Callable[[], Awaitable[Any]]) -> None:
        self._kept = kept
        self._changes = 0
        self._kept_changes = 0
        drawer = ui.dialog().props('position=right full-height aria-labelledby="drawer-title" transition-duration=120')
        with drawer.mark("drawer") as self._dialog, block("dialog drawer"):
            with block("drawer-head"):
                Tag("h2", _("Settings"), "dialog-title").props("id=drawer-title")
                close = Button("", self._dialog.close, icon="x", kind="ghost", label=_("Close the settings"))
                close.classes("push").mark("close-settings")
            Tag("p", _("For this conversation, from the next answer on."), "field-hint drawer-hint")
            self.fields = SamplerFields(studio, sampler, self._note)
        self._dialog.on("hide", self._hidden, [])

    def open(self) -> None:
        """Show it."""
        self._dialog.open()

    def show(self, settings: ChatSettings) -> None:
        """Set what another tab has set meanwhile; what is changed here and not kept yet stays."""
        if self._changes == self._kept_changes:
            self.fields.show(Sampler.of(settings))
            self._kept_changes = self._changes

    def _note(self) -> None:
        self._changes += 1

    async def _hidden(self) -> None:
        changes = self._changes
        if changes != self._kept_changes:
            await self._kept()
            self._kept_changes = changes
