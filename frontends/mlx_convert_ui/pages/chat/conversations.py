"""The list of conversations at the side."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from mlx_convert_core.plugin import ConversationSummary, model_name
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, address_of, block, note
from mlx_convert_ui.wording import when

SHOWN = 60  # more elements than this would slow the page down; the rest is shown when asked for


class ConversationList:
    """Links to every conversation, the open one marked."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._all = False
        self._drawn: object = None
        self._found: Sequence[ConversationSummary] = ()
        self.element = block("chat-list", "aside").props('aria-label="Conversations" id=conversations')
        with self.element:
            with Tag("a", "", "btn btn-plain btn-new", icon="plus").props("href=/chat").mark("new-chat"):
                Tag("span", "New chat")
            self._items = block("chat-items", "ul").props('aria-label="Conversations"')
            self._foot = block("chat-foot")

    def draw(self, found: Sequence[ConversationSummary], problem: str, current: str) -> None:
        """Show ``found``; ``current`` is the id of the open one."""
        busy = {one.id for one in found if (view := self._studio.chats.view(one.id)) is not None and view.active}
        now = (tuple(found), problem, current, frozenset(busy), self._all)
        if now == self._drawn:
            return
        self._drawn = now
        self._items.clear()
        self._foot.clear()
        with self._items:
            for one in found if self._all else found[:SHOWN]:
                _item(one, current=one.id == current, busy=one.id in busy)
        with self._foot:
            if not found:
                Tag("p", "Your conversations are kept here, on this machine only.", "field-hint")
            if len(found) > SHOWN and not self._all:
                more = Button(f"Show all {len(found)}", None, kind="ghost", classes="btn-small")
                more.on("click", lambda: self._show_all(found, problem, current), [])
            if problem:
                note("warning", problem)

    def toggle(self) -> bool:
        """Open or close it, on a narrow page; True when it is open now."""
        self.element.classes(toggle="open")
        return "open" in self.element.classes

    def _show_all(self, found: Sequence[ConversationSummary], problem: str, current: str) -> None:
        self._all = True
        self.draw(found, problem, current)


def _item(one: ConversationSummary, *, current: bool, busy: bool) -> None:
    with ui.element("li"), Tag("a", "", "chat-item").mark("conversation") as link:
        link.attribute("href", address_of(f"/chat/{one.id}")).attribute("aria-current", "page" if current else None)
        Tag("span", one.title or "Untitled", "chat-item-title")
        with block("chat-item-line", "span"):
            if busy:
                Tag("span", "", "spin", label="Being answered").props("role=img")
            Tag("span", " · ".join(filter(None, (when(one.updated), model_name(one.model)))), "chat-item-note")
