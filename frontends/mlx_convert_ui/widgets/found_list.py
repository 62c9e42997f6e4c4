"""The list below a field in which one searches: marked with arrow keys, taken with Enter or a click."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from mlx_convert_ui.widgets.components import Tag, attributes, block

Option = TypeVar("Option")
_keys = itertools.count(1)


def search_field(field: str, found: str, label: str, placeholder: str, typed: Callable[[str], Any]) -> ui.input:
    """The field of a list that hangs over the page, with the id ``field``; the list's own is ``found``.

    ``typed`` is told each text, also "" for none.
    """
    with block("search"):
        Tag("span", "", "search-icon", icon="search").props("aria-hidden=true")
        box = ui.input(placeholder=placeholder, on_change=lambda event: typed(str(event.value or "")))
        box.props("outlined dense hide-bottom-space autofocus role=combobox aria-autocomplete=list")
        box.props("spellcheck=false autocomplete=off aria-expanded=true")
        return attributes(box, {"aria-label": label, "for": field, "aria-controls": found})


class FoundList(Element, Generic[Option], component="found_list.js"):
    """A listbox for the text field that the CSS selector ``field`` finds; what is drawn inside are its options.

    With ``first`` the first of them is marked from the beginning, so that Enter takes it.
    """

    def __init__(self, field: str, label: str, *, first: bool = False) -> None:
        super().__init__()
        self._words = ""
        self._found: dict[str, Option] = {}
        self._props.update({"field": field, "first": first, "aria-label": label})

    def offer(self, words: str, found: Iterable[Option]) -> dict[str, Option]:
        """Be empty, to be filled with what was ``found`` for ``words``; each by the ``data-key`` to draw it with."""
        self._words, self._found = words, {str(next(_keys)): one for one in found}
        self._props["words"] = words
        self.clear()
        return self._found

    def on_choose(self, chosen: Callable[[Option], Any]) -> None:
        """Tell ``chosen`` what was taken; of a list that was out of date the first that stands there now."""

        def take(event: GenericEventArguments) -> Any:
            found = self._found.get(str(event.args.get("key"))) if event.args.get("words") == self._words else None
            found = found if found is not None else next(iter(self._found.values()), None)
            return None if found is None else chosen(found)

        self.on("choose", take)
