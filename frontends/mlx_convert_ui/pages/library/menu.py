"""What can be done with one model besides testing and sending it: a menu below its button, made when it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nicegui import ui

from mlx_convert_ui.state.library_rows import LibraryRow
from mlx_convert_ui.widgets.components import Tag, attributes, block
from mlx_convert_ui.widgets.desktop import SHOW_LABEL
from mlx_convert_ui.words import _

Action = Callable[[LibraryRow], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowActions:
    """What can be done with a model; each is called with it."""

    test: Action
    chat: Action
    compare: Action
    measure: Action
    tasks: Action | None  # None where no plugin offers any
    bench: Action
    upload: Action
    show: Action
    export: Action
    same_source: Action
    forget: Action
    delete: Action


class RowMenu:
    """Opens below any model's button; only one of them is open at a time."""

    def __init__(self, actions: RowActions) -> None:
        self._actions = actions
        self._place = block("")

    def open(self, row: LibraryRow, button: str) -> None:
        """Open for ``row``, below the element that the selector ``button`` finds."""
        self._place.clear()
        with self._place, ui.menu().props("no-parent-event anchor='bottom right' self='top right'") as menu:
            # It hangs outside the main part, which a dialog may.
            name = _("What to do with {name}", name=row.entry.name)
            attributes(menu, {"aria-label": name, "role": "dialog", "target": button})
            with block("").props("role=menu"):
                self._items(row)
        menu.open()

    def _items(self, row: LibraryRow) -> None:
        actions = self._actions
        _item(row, "chat", _("Chat"), "message-square", actions.chat)
        _item(row, "compare", _("Compare"), "columns-2", actions.compare)
        _item(row, "measure-quality", _("Measure quality"), "scale", actions.measure)
        if actions.tasks is not None:
            _item(row, "measure-tasks", _("Measure tasks"), "list-checks", actions.tasks)
        _item(row, "measure-speed", _("Measure speed"), "clock", actions.bench)
        _item(row, "show", _(SHOW_LABEL), "folder-open", actions.show)
        _item(row, "export-recipe", _("Export recipe"), "file-json", actions.export)
        if row.entry.source:
            _item(row, "same-source", _("Only models of this source"), "search", actions.same_source)
        ui.separator()
        _item(row, "forget", _("Forget, keep the files"), "x", actions.forget)
        _item(row, "delete", _("Delete …"), "trash-2", actions.delete)


def _item(row: LibraryRow, mark: str, text: str, icon: str, action: Action) -> None:
    classes = "danger" if mark == "delete" else ""
    item = ui.menu_item(on_click=lambda: action(row)).classes(f"menu-item {classes}").props("role=menuitem")
    with item.mark(f"menu-{mark}"):
        Tag("span", text, icon=icon)
