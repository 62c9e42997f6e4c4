"""The table of models: rows beside each other on a wide screen, cards on a narrow one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nicegui import ui

from mlx_convert_ui import wording
from mlx_convert_ui.components import Badge, Button, Tag, block
from mlx_convert_ui.desktop import SHOW_LABEL
from mlx_convert_ui.library.shelf import Volume

AT_ONCE = 30  # more rows than this are shown when asked for: a page stays quick below some hundred elements
_COLUMNS = ("Model", "Size", "Bits per weight", "Quantization", "Converted")

Act = Callable[[Volume], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What can be done with a model; each is called with it."""

    test: Act
    chat: Act
    compare: Act
    upload: Act
    show: Act
    export: Act
    forget: Act
    delete: Act


def table(volumes: tuple[Volume, ...], acts: Acts) -> None:
    """Draw ``volumes``."""
    with Tag("table", "", "list-table", label="Models"):
        with block("", "thead"), block("", "tr"):
            for name in _COLUMNS:
                Tag("th", name, "number" if name in ("Size", "Bits per weight") else "").props("scope=col")
            with Tag("th", "").props("scope=col"):
                Tag("span", "Actions", "unseen")
        with block("", "tbody"):
            for volume in volumes:
                _row(volume, acts)


def _row(volume: Volume, acts: Acts) -> None:
    entry = volume.entry
    with block("missing" if volume.missing else "", "tr").mark("row"):
        with Tag("th", "", "list-name").props("scope=row"):
            with block("list-title", "span"):
                Tag("span", entry.name, "list-strong")
                if volume.missing:
                    Badge("Missing", "warn")
            about = " · ".join(filter(None, (volume.origin, volume.measured)))
            if about:
                Tag("span", about, "list-about")
            Tag("span", str(entry.path), "path")
        _cell("Size", wording.size(entry.size), "number")
        _cell("Bits per weight", f"{entry.bits_per_weight:.2f}" if entry.bits_per_weight else "", "number")
        _cell("Quantization", entry.quantization)
        _cell("Converted", wording.day(entry.created).partition(",")[0])
        with block("list-acts", "td"):
            _buttons(volume, acts)


def _cell(name: str, text: str, classes: str = "") -> None:
    Tag("td", text or "–", classes).attribute("data-name", name)


def _buttons(volume: Volume, acts: Acts) -> None:
    name = volume.entry.name
    if volume.missing:
        Button("Forget", lambda: acts.forget(volume), icon="x", classes="btn-small", label=f"Forget {name}").mark(
            "forget"
        )
        return
    Button("Test", lambda: acts.test(volume), icon="flask-conical", classes="btn-small", label=f"Test {name}").mark(
        "test"
    )
    Button(
        "",
        lambda: acts.upload(volume),
        icon="upload",
        kind="ghost",
        classes="btn-small",
        label=f"Upload {name}",
        tip="Upload …",
    ).mark("upload")
    _More(volume, acts)


class _More:
    """A button whose menu is made when it is first opened: most never are."""

    def __init__(self, volume: Volume, acts: Acts) -> None:
        self._volume = volume
        self._acts = acts
        self._menu: ui.menu | None = None
        self._button = Button(
            "",
            self._open,
            icon="ellipsis",
            kind="ghost",
            classes="btn-small",
            label=f"More for {volume.entry.name}",
            tip="More",
        )
        self._button.props("aria-haspopup=menu").mark("more")

    def _open(self) -> None:
        if self._menu is None:
            with self._button:
                self._menu = ui.menu().props("no-parent-event anchor='bottom right' self='top right'")
            name = f"What to do with {self._volume.entry.name}"
            self._menu.props["aria-label"], self._menu.props["role"] = name, "dialog"  # it hangs outside the main part
            with self._menu, block("").props("role=menu"):
                self._items()
        self._menu.open()

    def _items(self) -> None:
        self._item("Chat", "message-square", self._acts.chat)
        self._item("Compare", "columns-2", self._acts.compare)
        self._item(SHOW_LABEL, "folder-open", self._acts.show)
        self._item("Export recipe", "file-json", self._acts.export)
        ui.separator()
        self._item("Forget, keep the files", "x", self._acts.forget)
        self._item("Delete …", "trash-2", self._acts.delete, "danger")

    def _item(self, text: str, icon: str, act: Act, classes: str = "") -> None:
        mark = text.lower().split(",")[0].removesuffix(" …").replace(" ", "-")
        with (
            ui.menu_item(on_click=lambda: act(self._volume))
            .classes(f"menu-item {classes}")
            .props("role=menuitem")
            .mark(f"menu-{mark}")
        ):
            Tag("span", text, icon=icon)
