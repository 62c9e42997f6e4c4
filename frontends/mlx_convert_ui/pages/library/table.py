"""The table of models: rows beside each other on a wide screen, cards on a narrow one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nicegui import ui

from mlx_convert_core.plugin import memory_now, units
from mlx_convert_ui import wording
from mlx_convert_ui.state.library_rows import LibraryRow, page_of
from mlx_convert_ui.widgets.components import Badge, Button, Tag, address_of, block
from mlx_convert_ui.widgets.desktop import SHOW_LABEL
from mlx_convert_ui.widgets.fitting import show_fit
from mlx_convert_ui.widgets.verified import verified_badge

AT_ONCE = 30  # rows of a page of the table: a browser stays quick below some hundred elements
_COLUMNS = ("Model", "Size", "Bits per weight", "Quantization", "Converted")

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
    forget: Action
    delete: Action


def table(rows: tuple[LibraryRow, ...], actions: RowActions) -> None:
    """Draw ``rows``."""
    memory = memory_now()
    with Tag("table", "", "list-table", label="Models"):
        with block("", "thead"), block("", "tr"):
            for name in _COLUMNS:
                Tag("th", name, "number" if name in ("Size", "Bits per weight") else "").props("scope=col")
            with Tag("th", "").props("scope=col"):
                Tag("span", "Actions", "unseen")
        with block("", "tbody"):
            for row in rows:
                _row(row, actions, memory)


def _row(row: LibraryRow, actions: RowActions, memory: tuple[int, int]) -> None:
    entry = row.entry
    with block("missing" if row.missing else "", "tr").mark("row"):
        with Tag("th", "", "list-name").props("scope=row"):
            with block("list-title", "span"):
                Tag("a", entry.name, "list-strong").attribute("href", address_of(page_of(entry.path))).mark("details")
                if row.missing:
                    Badge("Missing", "warn")
                if row.verified:
                    verified_badge()
            about = " · ".join(filter(None, (row.takes, row.origin, row.measured)))
            if about:
                Tag("span", about, "list-about")
            if row.proof:
                Tag("span", row.proof, "list-about").style("white-space: normal").mark("verified-facts")
            Tag("span", str(entry.path), "path")
        with Tag("td", "", "number").attribute("data-name", "Size"):
            Tag("span", units.size(entry.size))
            show_fit(Tag("span", "", "fit-word").mark("fit"), None if row.missing else entry.fit(memory))
        _cell("Bits per weight", units.bits(entry.bits_per_weight) if entry.bits_per_weight else "", "number")
        _cell("Quantization", entry.quantization)
        _cell("Converted", wording.day(entry.created).partition(",")[0])
        with block("list-actions", "td"):
            _buttons(row, actions)


def _cell(name: str, text: str, classes: str = "") -> None:
    Tag("td", text or "–", classes).attribute("data-name", name)


def _buttons(row: LibraryRow, actions: RowActions) -> None:
    name = row.entry.name
    if row.missing:
        Button("Forget", lambda: actions.forget(row), icon="x", classes="btn-small", label=f"Forget {name}").mark(
            "forget"
        )
        return
    Button("Test", lambda: actions.test(row), icon="flask-conical", classes="btn-small", label=f"Test {name}").mark(
        "test"
    )
    Button(
        "",
        lambda: actions.upload(row),
        icon="upload",
        kind="ghost",
        classes="btn-small",
        label=f"Upload {name}",
        tip="Upload …",
    ).mark("upload")
    _More(row, actions)


class _More:
    """A button whose menu is made when it is first opened: most never are."""

    def __init__(self, row: LibraryRow, actions: RowActions) -> None:
        self._row = row
        self._actions = actions
        self._menu: ui.menu | None = None
        self._button = Button(
            "",
            self._open,
            icon="ellipsis",
            kind="ghost",
            classes="btn-small",
            label=f"More for {row.entry.name}",
            tip="More",
        )
        self._button.props("aria-haspopup=menu").mark("more")

    def _open(self) -> None:
        if self._menu is None:
            with self._button:
                self._menu = ui.menu().props("no-parent-event anchor='bottom right' self='top right'")
            name = f"What to do with {self._row.entry.name}"
            self._menu.props["aria-label"], self._menu.props["role"] = name, "dialog"  # it hangs outside the main part
            with self._menu, block("").props("role=menu"):
                self._items()
        self._menu.open()

    def _items(self) -> None:
        self._item("Chat", "message-square", self._actions.chat)
        self._item("Compare", "columns-2", self._actions.compare)
        self._item("Measure quality", "scale", self._actions.measure)
        if self._actions.tasks is not None:
            self._item("Measure tasks", "list-checks", self._actions.tasks)
        self._item("Measure speed", "clock", self._actions.bench)
        self._item(SHOW_LABEL, "folder-open", self._actions.show)
        self._item("Export recipe", "file-json", self._actions.export)
        ui.separator()
        self._item("Forget, keep the files", "x", self._actions.forget)
        self._item("Delete …", "trash-2", self._actions.delete, "danger")

    def _item(self, text: str, icon: str, action: Action, classes: str = "") -> None:
        mark = text.lower().split(",")[0].removesuffix(" …").replace(" ", "-")
        with (
            ui.menu_item(on_click=lambda: action(self._row))
            .classes(f"menu-item {classes}")
            .props("role=menuitem")
            .mark(f"menu-{mark}")
        ):
            Tag("span", text, icon=icon)
