"""Choosing one of many models of the library: by words of its name, source, quantization or architecture."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from mlx_convert_core import LibraryEntry
from mlx_convert_core.plugin import units
from mlx_convert_ui.widgets.components import Button, Tag, block
from mlx_convert_ui.widgets.dialogs import answer_of

AT_ONCE = 30  # models in a list or a dialog; a page holds no more of a library, however large that is


async def find_model(entries: Sequence[LibraryEntry]) -> LibraryEntry | None:
    """Let a person choose one of ``entries``; None when they think better of it."""
    found = await answer_of(_Search(entries).dialog)
    return found if isinstance(found, LibraryEntry) else None


class _Search:
    def __init__(self, entries: Sequence[LibraryEntry]) -> None:
        self._entries = entries
        self.dialog = ui.dialog().props("aria-labelledby=search-title transition-duration=120")
        with self.dialog, block("dialog picker"):
            Tag("h2", "Choose a model", "dialog-title").props("id=search-title")
            with block("search grow"):
                Tag("span", "", "search-icon", icon="search").props("aria-hidden=true")
                box = ui.input(placeholder="Search", on_change=lambda event: self._show(event.value or ""))
                box.props("outlined dense hide-bottom-space autofocus aria-label=Search").mark("find-model")
            self._list = block("picker-list").props('tabindex=0 role=group aria-label="Models"')
            with block("dialog-actions"):
                Button("Cancel", lambda: self.dialog.submit(None)).mark("cancel")
        self._show("")

    def _show(self, words: str) -> None:
        found = [entry for entry in self._entries if entry.has(words)]
        self._list.clear()
        with self._list:
            for entry in found[:AT_ONCE]:
                self._row(entry)
            if not found:
                Tag("p", "No model here has these words.", "empty-text")
            if len(found) > AT_ONCE:
                Tag("p", f"and {len(found) - AT_ONCE:,} more: type more words.", "empty-text")

    def _row(self, entry: LibraryEntry) -> None:
        row = Tag("button", "", "picker-row", icon="package").props("type=button").mark("found-model")
        with row.on("click", lambda: self.dialog.submit(entry), []):
            Tag("span", entry.name, "picker-name")
            Tag("span", units.size(entry.size), "muted push")
