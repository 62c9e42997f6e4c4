"""What keeps the place of who reads a conversation, and leads to its end: both in the browser alone."""

from __future__ import annotations

from nicegui.element import Element

from mlx_convert_ui.words import _


class TurnLog(Element, component="turn_log.js"):
    """Holds the turns; where earlier ones are put before them, what is on the screen stays there."""

    def __init__(self) -> None:
        super().__init__()
        self.classes("turns").props("role=log aria-live=off")
        self._props["aria-label"] = _("Messages")


class NewestButton(Element, component="newest.js"):
    """Leads to the newest message, while that is out of sight."""

    def __init__(self) -> None:
        super().__init__()
        self.classes("btn btn-plain btn-small newest")
        self._props.update({"label": _("Newest message"), "data-icon": "arrow-down"})
