"""A menu below a button: walked through with arrow keys, sound for who can't see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui

from mlx_convert_ui.widgets.components import Button, Tag, attributes, block

Item = Callable[[str, str, Callable[[], Any]], ui.menu_item]


@contextmanager
def menu_below(button: Button, label: str) -> Iterator[Item]:
    """Hand out what adds an item: its text, its icon, and what it does."""
    attributes(button, {"aria-haspopup": "menu"})
    with button, ui.menu().props('anchor="bottom right" self="top right"') as menu:
        attributes(menu, {"aria-label": label, "role": "dialog"})  # it hangs outside the main part, as a dialog may
        with block("").props("role=menu"):
            yield _item


def _item(text: str, icon: str, act: Callable[[], Any]) -> ui.menu_item:
    item = ui.menu_item(on_click=act).classes("menu-item").props("role=menuitem")
    with item:
        Tag("span", text, icon=icon)
    return item
