"""Buttons that copy. The browser does it, on the click itself, and "copied" is said once it has."""

from __future__ import annotations

from typing import Literal

from nicegui import ui
from nicegui.element import Element

from mlx_convert_ui.widgets.components import tooltip

REFUSED = "The browser does not let the page copy. Select the text, and copy it yourself."


class CopyButton(Element, component="copy_button.js", esm={"mlx-clipboard": "clipboard"}):
    """Copies ``text``; ``what`` names it. Without a ``label`` it is an icon that says so on hover."""

    def __init__(
        self, text: str, what: str, *, label: str = "", icon: str = "copy", kind: Literal["plain", "ghost"] = "plain"
    ) -> None:
        super().__init__()
        self.classes("btn btn-small")
        if kind == "ghost":
            self.classes("btn-ghost")
        else:
            self.classes("btn-plain")
        self._props.update({"text": text, "label": label, "data-icon": icon})
        if not label:
            self.classes("btn-icon")
            self._props["aria-label"] = f"Copy the {what}"
            tooltip(self, f"Copy the {what}")
        self.on("copied", lambda: ui.notify(f"{what.capitalize()} copied"), [])
        self.on("refused", lambda: ui.notify(REFUSED), [])

    def enable(self, enabled: bool = True) -> None:
        """Let it be clicked, or not."""
        if enabled:
            self._props.pop("disabled", None)
        else:
            self._props["disabled"] = True
        self.update()

    def give(self, text: str) -> None:
        """Copy another text from now on."""
        self._props["text"] = text
        self.update()
