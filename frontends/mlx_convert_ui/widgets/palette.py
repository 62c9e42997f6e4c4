"""The palette: one field that leads to every page, model and chat, and to what is done most. Ctrl or ⌘ with K."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from inspect import isawaitable

from nicegui import run, ui
from nicegui.element import Element

from mlx_convert_ui.state.destinations import Destination, Known, destinations, read
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, attributes, block
from mlx_convert_ui.widgets.dialogs import answer_of, lasting
from mlx_convert_ui.widgets.found_list import FoundList, search_field
from mlx_convert_ui.words import _, plural

_FIELD, _LIST = "palette-field", "palette-list"
_ids = itertools.count(1)


class Shortcut(Element, component="shortcut.js"):
    """Calls ``pressed`` for Ctrl or ⌘ with K, anywhere on the page."""

    def __init__(self, pressed: Callable[[], object]) -> None:
        super().__init__()
        self.on("pressed", pressed, [])


def palette(studio: Studio, fixed: Callable[[], Sequence[Destination]]) -> None:
    """The button that opens it, and the key. ``fixed`` are the pages and actions that are always there."""
    opened = lasting(lambda: _open(studio, fixed()))
    Shortcut(opened)
    button = Button("", opened, icon="search", kind="ghost", label=_("Go to … (Ctrl or ⌘ with K)")).mark("palette")
    attributes(button, {"aria-keyshortcuts": "Control+K Meta+K", "aria-haspopup": "dialog"})


async def _open(studio: Studio, fixed: Sequence[Destination]) -> None:
    known = await run.io_bound(read, studio) or Known()
    chosen = await answer_of(_Palette(fixed, known).dialog)
    if not isinstance(chosen, Destination):
        return
    if chosen.act is None:
        ui.navigate.to(chosen.address)
        return
    done = chosen.act()
    if isawaitable(done):
        await done


class _Palette:
    def __init__(self, fixed: Sequence[Destination], known: Known) -> None:
        self._fixed = fixed
        self._known = known
        self.dialog = ui.dialog().props("position=top transition-duration=120")
        attributes(self.dialog, {"aria-label": _("Go to")})
        with self.dialog, block("dialog palette"):
            box = search_field(_FIELD, _LIST, _("Go to"), _("Pages, models, chats, actions"), self._show)
            box.mark("palette-words")
            self._list: FoundList[Destination] = FoundList(f"#{_FIELD}", _("Where to go"), first=True)
            attributes(self._list, {"id": _LIST}).on_choose(self.dialog.submit)
            self._told = Tag("p", "", "sr-only").props("role=status")
        self._show("")

    def _show(self, words: str) -> None:
        found = self._list.offer(words, destinations(words, self._fixed, self._known))
        with self._list:
            for name, group in itertools.groupby(found, key=lambda key: found[key].group):
                with _group(_(name)):
                    for key in group:
                        self._option(key, found[key])
        self._told.show(plural("{count} result", "{count} results", len(found)) if words else "")

    def _option(self, key: str, place: Destination) -> None:
        option = Tag("div", "", "palette-option", icon=place.icon).mark("palette-option")
        identity = {"id": f"palette-{key}", "data-key": key}
        with attributes(option, {"role": "option", "aria-selected": "false", **identity}):
            Tag("span", place.title, "palette-title")
            if place.about:
                Tag("span", place.about, "palette-about")


def _group(title: str) -> ui.element:
    name = f"palette-group-{next(_ids)}"
    group = attributes(block("found-group"), {"role": "group", "aria-labelledby": name})
    with group:
        attributes(Tag("span", title, "found-group-title"), {"id": name})
    return group
