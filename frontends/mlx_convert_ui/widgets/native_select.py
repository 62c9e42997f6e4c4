"""The browser's own list to choose from: it is small, and phones and screen readers know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from mlx_convert_ui.widgets.components import Tag, attributes


class NativeSelect(ui.element):
    """Chooses one of ``options`` (value -> title); ``changed`` is told the value."""

    def __init__(self, options: Mapping[str, str], value: str, changed: Callable[[str], Any], *, label: str) -> None:
        super().__init__("select")
        self._changed = changed
        attributes(self.classes("native-select"), {"aria-label": label})
        self.on("change", lambda event: self._choose(event.args), js_handler="(event) => emit(event.target.value)")
        self.options: Mapping[str, str] = {}
        self.value = value
        self.offer(options, value)

    def offer(self, options: Mapping[str, str], value: str) -> None:
        """Have other options, of which ``value`` is chosen."""
        if (options, value) == (self.options, self.value):
            return
        self.options, self.value = options, value
        self.clear()
        with self:
            for key, title in options.items():
                option = attributes(Tag("option", title), {"value": key})
                if key == value:
                    option.props["selected"] = True
        self.update()

    def _choose(self, value: Any) -> Any:
        if value in self.options and value != self.value:
            self.value = value
            return self._changed(value)
        return None
