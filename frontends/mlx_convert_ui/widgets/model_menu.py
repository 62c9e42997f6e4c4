"""The models to choose from, below a button: searched by words, walked through by arrow keys, as many as there are."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from nicegui import ui

from mlx_convert_core import LibraryEntry
from mlx_convert_core.plugin import memory_now, units
from mlx_convert_ui import wording
from mlx_convert_ui.widgets.components import Tag, attributes, block
from mlx_convert_ui.widgets.fitting import fit_badge
from mlx_convert_ui.widgets.found_list import FoundList, search_field
from mlx_convert_ui.words import _, joined, plural

AT_ONCE = 30  # models in the list: a page holds no more of a library, however large that is
ANOTHER = ""  # any other folder
_numbers = itertools.count(1)


class ModelMenu:
    """Draws nothing until `open`. ``choose`` is told the path of a model in ``entries``, or `ANOTHER`."""

    def __init__(self, entries: Mapping[str, LibraryEntry], choose: Callable[[str], Any], label: str) -> None:
        self._entries = entries
        self._choose = choose
        self._chosen = ""
        self._name = name = f"model-menu-{next(_numbers)}"
        self._menu = ui.menu().props("fit no-parent-event anchor='bottom left' self='top left' max-height=440px")
        # It hangs outside the main part, which a dialog may.
        attributes(self._menu, {"aria-label": _("{label}: choose one", label=label), "role": "dialog"}).classes(
            "model-menu"
        )
        with self._menu:
            self._box = search_field(f"{name}-words", name, _("Search the models"), _("Search"), self._show)
            self._box.mark("find-model")
            self._list: FoundList[str] = FoundList(f"#{name}-words", _("Models"), first=True)
            attributes(self._list, {"id": name}).on_choose(self._take)
            self._told = Tag("p", "", "model-menu-told").props("role=status")

    def open(self, button: str, chosen: str) -> None:
        """Open below the element with the id ``button``; the model at ``chosen`` is marked."""
        self._chosen = chosen
        self._menu.props["target"] = f"#{button}"
        self._box.value = ""
        self._show("")
        self._menu.open()

    def _take(self, path: str) -> Any:
        self._menu.close()
        return self._choose(path)

    def _show(self, words: str) -> None:
        found = [path for path, entry in self._entries.items() if entry.has(words)]
        memory = memory_now()
        with self._list:
            for key, path in self._list.offer(words, [*self._first(found, words), ANOTHER]).items():
                self._option(key, path, memory, chosen=not words and path == self._chosen)
        self._told.show(_told(len(found), words))

    def _first(self, found: list[str], words: str) -> Iterator[str]:
        """The newest of those ``found``, after the one that is chosen where nothing is looked for."""
        if not words and self._chosen in self._entries:
            yield self._chosen
            found = [path for path in found if path != self._chosen]
            yield from islice(found, AT_ONCE - 1)
        else:
            yield from islice(found, AT_ONCE)

    def _option(self, key: str, path: str, memory: tuple[int, int], *, chosen: bool) -> None:
        entry = self._entries.get(path)
        option = block("found-option").mark("found-model" if entry is not None else "other-folder")
        named = {"role": "option", "aria-selected": "false", "id": f"{self._name}-{key}", "data-key": key}
        with attributes(option, named):
            if entry is None:
                Tag("span", _("Another folder …"), "found-name")
                return
            with block("found-title"):
                cut_name(entry.name)
                if chosen:
                    Tag("span", "", "found-now", icon="check", label=_("Chosen now")).props("role=img")
                if (fit := entry.fit(memory)).verdict != "runs":
                    fit_badge(fit)
            Tag("span", about_model(entry), "found-about")


def _told(found: int, words: str) -> str:
    """What is said below the list."""
    if found > AT_ONCE:
        return _("and {count} more: type part of a name", count=f"{found - AT_ONCE:,}")
    return plural("{count} found", "{count} found", found) if words else ""


def cut_name(name: str) -> None:
    """A model's name, of which the end stays where there is no room: there models of one family differ."""
    first, last = wording.cut(name)
    with attributes(block("cut-name", "span"), {"title": name, "dir": "auto"}):
        Tag("span", first)
        Tag("span", last)


def about_model(entry: LibraryEntry) -> str:
    """``75.8 MB · 4.50 bits per weight · 4 bit · 24 Nov 2026``, as far as it is known."""
    bits = wording.bits_per_weight(entry.bits_per_weight) if entry.bits_per_weight else ""
    facts = (units.size(entry.size), bits, entry.quantization, wording.date(entry.created))
    return joined(*(fact.replace(" ", "\xa0") for fact in facts))
