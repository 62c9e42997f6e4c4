"""What stands in a conversation that has not begun."""

from __future__ import annotations

from collections.abc import Callable

from mlx_convert_ui.widgets.components import Button, block, empty
from mlx_convert_ui.widgets.model_choice import no_models
from mlx_convert_ui.widgets.prompts import EXAMPLE_PROMPTS, TITLES
from mlx_convert_ui.words import _


def welcome(model: str, fill: Callable[[str], None]) -> None:
    """Examples that ``fill`` puts into the composer; without a ``model`` the way to a first one."""

    def examples() -> None:
        with block("examples", label=_("Example prompts")).props("role=group"):
            for key, text in EXAMPLE_PROMPTS.items():
                _example(_(TITLES[key]), text, fill)

    if model:
        empty("message-square", _("What would you like to know?"), _("Type below, or pick an example."), examples)
    else:
        text = _("Then chat with it here. Or name a folder above.")
        empty("wand-sparkles", _("Convert a model first"), text, no_models)


def _example(title: str, text: str, fill: Callable[[str], None]) -> None:
    Button(title, lambda: fill(text), classes="btn-small", tip=text)
