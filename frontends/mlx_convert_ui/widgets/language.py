"""The language of a page: Quasar's words and ours, and the direction that they are read in."""

from __future__ import annotations

import copy
from typing import get_args

from nicegui import ui
from nicegui.language import Language

from mlx_convert_core import to_json
from mlx_convert_ui.words import catalogue

_ENGLISH: Language = "en-US"
# What page.js and the scripts of widgets say: `words("{size} MB are too much", {size: 2})`.
_SCRIPT = """<script>
document.documentElement.dir = "%s";
window.words = (table => (text, values = {}) =>
  (table[text] ?? text).replace(/\\{(\\w+)\\}/g, (_, name) => values[name]))(%s);
</script>"""


def speak() -> None:
    """Have the page at hand speak its language, before it is sent."""
    spoken = catalogue()
    client = ui.context.client
    client.page = copy.copy(client.page)  # what it is for everybody else stays
    client.page.language = _pack(spoken.language)
    said = to_json(dict(spoken.scripts)).decode().replace("<", "\\u003c")
    ui.add_head_html(_SCRIPT % (spoken.direction, said))


def _pack(language: str) -> Language:
    """Quasar's name for ``language``: of several countries' the first; English where it has none."""
    if language == "en":
        return _ENGLISH
    known: tuple[Language, ...] = get_args(Language)
    return next((pack for pack in known if pack.partition("-")[0] == language), _ENGLISH)
