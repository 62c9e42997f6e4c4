"""The list below a field in which one searches: marked with arrow keys, taken with Enter or a click."""

from __future__ import annotations

from nicegui.element import Element


class FoundList(Element, component="found_list.js"):
    """A listbox for the text field that the CSS selector ``field`` finds; what is drawn inside are its options.

    With ``first`` the first of them is marked from the beginning, so that Enter takes it.
    """

    def __init__(self, field: str, label: str, *, first: bool = False) -> None:
        super().__init__()
        self._props.update({"field": field, "first": first, "aria-label": label})
