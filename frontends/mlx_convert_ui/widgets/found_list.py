"""The list below a field in which one searches: marked with arrow keys, taken with Enter or a click."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from nicegui.element import Element
from nicegui.events import GenericEventArguments

Option = TypeVar("Option")
_keys = itertools.count(1)


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
