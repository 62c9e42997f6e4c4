"""The list of conversations at the side: the pinned first, then by day, or those that have certain words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from nicegui import run, ui

from mlx_convert_core.plugin import ConversationSummary, model_name
from mlx_convert_ui.state.chat_times import group_of
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import CROSS, Button, Tag, address_of, attributes, block, note
from mlx_convert_ui.widgets.model_menu import cut_name
from mlx_convert_ui.wording import when
from mlx_convert_ui.words import _, plural

AT_ONCE = 60  # conversations that come with each "Show more": many more elements would slow the page down


class ConversationList:
    """Links to every conversation, the open one marked."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._shown = AT_ONCE
        self._drawn: object = None
        self._summaries: Sequence[ConversationSummary] = ()
        self._problem = ""
        self._current = ""
        self._words = ""
        self._hits: frozenset[str] | None = None  # the ids of those that have the words, None where none are asked for
        self.element = attributes(
            block("chat-list", "aside").props("id=conversations"), {"aria-label": _("Conversations")}
        )
        with self.element:
            with (
                Tag("a", "", "btn btn-plain btn-new", icon="plus")
                .mark("new-chat")
                .attribute("href", address_of("/chat"))
            ):
                Tag("span", _("New chat"))
            with block("search"):
                Tag("span", "", "search-icon", icon="search").props("aria-hidden=true")
                box = ui.input(placeholder=_("Search"), on_change=lambda event: self._search(str(event.value or "")))
                box.props(f"outlined dense hide-bottom-space clearable clear-icon='{CROSS}' debounce=200 type=search")
                attributes(box, {"aria-label": _("Search the conversations")}).mark("find-chat")
            self._told = Tag("p", "", "field-hint").props("role=status")
            self._items = block("chat-groups")
            self._foot = block("chat-foot")

    def draw(self, found: Sequence[ConversationSummary], problem: str, current: str) -> None:
        """Show ``found``; ``current`` is the id of the open one."""
        self._summaries, self._problem, self._current = found, problem, current
        self._redraw()

    def toggle(self) -> bool:
        """Open or close it, on a narrow page; True when it is open now."""
        self.element.classes(toggle="open")
        return "open" in self.element.classes

    async def _search(self, words: str) -> None:
        """Look for ``words`` in everything that was said."""
        self._words, self._shown = words, AT_ONCE
        found = await run.io_bound(self._studio.chats.search, words) if words.strip() else None
        if words == self._words:  # nobody has typed on meanwhile
            self._hits = None if found is None else frozenset(one.id for one in found)
            self._redraw()

    def _redraw(self) -> None:
        """Draw what changed, cheap when nothing did."""
        found = [one for one in self._summaries if self._hits is None or one.id in self._hits]
        busy = {one.id for one in found if (view := self._studio.chats.view(one.id)) is not None and view.active}
        now = (found, self._problem, self._current, busy, self._shown, self._hits)
        if now == self._drawn:
            return
        self._drawn = now
        searched = self._hits is not None
        self._told.show(plural("{count} conversation", "{count} conversations", len(found)) if searched else "")
        self._items.clear()
        self._foot.clear()
        ordered = sorted(found, key=lambda one: not one.pinned)  # a stable order: the newest stay first
        with self._items:
            for group, members in groupby(ordered[: self._shown], key=group_of):
                title = _(group)
                Tag("span", title, "chat-group").props("aria-hidden=true")
                with block("chat-items", "ul", label=title):
                    for one in members:
                        _item(one, current=one.id == self._current, busy=one.id in busy)
        with self._foot:
            if not self._summaries:
                Tag("p", _("Your conversations are kept here, on this machine only."), "field-hint")
            if len(found) > self._shown:
                more = _("Show more of {count}", count=f"{len(found):,}")
                Button(more, self._more, kind="ghost", classes="btn-small").mark("more-chats")
            if self._problem:
                note("warning", self._problem)

    def _more(self) -> None:
        self._shown += AT_ONCE
        self._redraw()


def _item(one: ConversationSummary, *, current: bool, busy: bool) -> None:
    with ui.element("li"), Tag("a", "", "chat-item").mark("conversation") as link:
        link.attribute("href", address_of(f"/chat/{one.id}")).attribute("aria-current", "page" if current else None)
        title = Tag("span", one.title or _("Untitled"), "chat-item-title")
        title.attribute("dir", "auto")
        with block("chat-item-line", "span"):
            if busy:
                Tag("span", "", "spin", label=_("Being answered")).props("role=img")
            with block("chat-item-note", "span"):
                Tag("span", when(one.updated))
                cut_name(model_name(one.model))
