"""The prompt, with examples to take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from mlx_convert_ui.widgets.components import Button, Tag, attributes, block
from mlx_convert_ui.widgets.prompts import EXAMPLE_PROMPTS, TITLES
from mlx_convert_ui.words import _

# Ctrl-Enter and Cmd-Enter send; the server is asked only then.
_ENTER = (
    "(event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); emit(); } }"
)


class PromptField:
    """A text of several lines; ``send`` is what Ctrl-Enter does."""

    def __init__(self, value: str, changed: Callable[[], Any], send: Callable[[], Any]) -> None:
        self._area = ui.textarea(value=value, on_change=changed).mark("prompt")
        attributes(self._area.props("outlined dense hide-bottom-space rows=4"), {"aria-label": _("Prompt")})
        self._area.on("keydown", send, [], js_handler=_ENTER)
        with block("examples", label=_("Example prompts")).props("role=group"):
            Tag("span", _("Examples"), "muted")
            for key, text in EXAMPLE_PROMPTS.items():
                self._example(key, text)

    @property
    def value(self) -> str:
        """What is in it."""
        return str(self._area.value or "")

    def _example(self, key: str, text: str) -> None:
        button = Button(_(TITLES[key]), lambda: self._area.set_value(text), classes="btn-small", tip=text)
        button.mark(f"example-{key}")
