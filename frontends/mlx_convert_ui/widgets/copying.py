"""Buttons that copy. The browser does it, on the click itself, and "copied" is said once it has."""

from __future__ import annotations

from typing import Literal

from nicegui import ui
from nicegui.element import Element

from mlx_convert_ui.widgets.components import tooltip
from mlx_convert_ui.words import N_, _

REFUSED = N_("Your browser doesn't allow the page to copy. Select the text and copy it yourself.")


# What a button copies: its name without a label, and what is said once it was copied.
_WHAT = {
    "answer": (N_("Copy the answer"), N_("Answer copied")),
    "message": (N_("Copy the message"), N_("Message copied")),
    "command": (N_("Copy the command"), N_("Command copied")),
    "recipe": (N_("Copy the recipe"), N_("Recipe copied")),
}


class CopyButton(Element, component="copy_button.js", esm={"mlx-clipboard": "clipboard"}):
    """Copies ``text``; ``what`` says what that is. Without a ``label`` it is an icon that says so on hover."""

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
            self._props["aria-label"] = _(_WHAT[what][0])
            tooltip(self, _(_WHAT[what][0]))
        self.on("copied", lambda: ui.notify(_(_WHAT[what][1])), [])
        self.on("refused", lambda: ui.notify(_(REFUSED)), [])

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
