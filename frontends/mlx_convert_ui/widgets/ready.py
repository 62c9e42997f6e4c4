"""What others have published of the model at hand, converted already: to be had with a click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from nicegui import ui

from mlx_convert_core.plugin import units
from mlx_convert_ui.state.finding import Ready
from mlx_convert_ui.widgets.components import Badge, Button, Tag, attributes, block
from mlx_convert_ui.widgets.glance import badges
from mlx_convert_ui.words import _

FIRST = 4


class ReadyModels:
    """Draws itself on creation; `draw` shows what is there. ``get`` takes a ref."""

    def __init__(self, get: Callable[[str], object]) -> None:
        self._get = get
        self._drawn: tuple[Ready, ...] = ()
        self._all = False
        self._place = block("ready")

    def draw(self, ready: tuple[Ready, ...]) -> None:
        """Show ``ready``, () for nothing."""
        if ready != self._drawn:
            self._drawn, self._all = ready, False
            self._show()

    def _show(self) -> None:
        self._place.clear()
        if not self._drawn:
            return
        shown = self._drawn if self._all else self._drawn[:FIRST]
        with self._place:
            attributes(Tag("h3", _("Already converted from exactly this model"), "ready-title"), {"id": "ready-title"})
            with attributes(block("ready-list", "ul"), {"aria-labelledby": "ready-title"}):
                for one in shown:
                    self._row(one)
            if len(shown) < len(self._drawn):
                more = _("Show {number} more", number=len(self._drawn) - len(shown))
                Button(more, self._show_all, kind="ghost", classes="btn-small").mark("more-ready")

    def _show_all(self) -> None:
        self._all = True
        self._show()

    def _row(self, one: Ready) -> None:
        model = one.hit.model
        with block("ready-row", "li"):
            with block("grow"):
                with block("found-title"):
                    Tag("span", model.ref, "found-name")
                    for text, tone, icon in badges(one.hit):
                        Badge(text, tone, icon=icon)
                if one.hit.weight_bytes:
                    Tag("span", units.size(one.hit.weight_bytes), "found-about")
            if one.path is not None:
                _chat_button(one.path, model.name)
            else:
                button = Button(
                    _("Get"), lambda: self._get(model.ref), icon="download", label=_("Get {name}", name=model.ref)
                )
                button.classes("btn-small").mark("get")


def _chat_button(path: Path, name: str) -> None:
    address = f"/chat?model={quote(str(path))}"
    button = Button(
        _("Chat"), lambda: ui.navigate.to(address), icon="message-square", label=_("Chat with {name}", name=name)
    )
    button.classes("btn-small").mark("chat-ready")
