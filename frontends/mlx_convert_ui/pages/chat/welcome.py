"""What stands in a conversation that has not begun."""

from __future__ import annotations

from collections.abc import Callable

from mlx_convert_ui.widgets.components import Button, block, empty
from mlx_convert_ui.widgets.model_choice import no_models
from mlx_convert_ui.widgets.prompts import EXAMPLE_PROMPTS, TITLES


def welcome(model: str, fill: Callable[[str], None]) -> None:
    """Examples that ``fill`` puts into the composer; without a ``model`` the way to a first one."""

    def examples() -> None:
        with block("examples").props('role=group aria-label="Example prompts"'):
            for key, text in EXAMPLE_PROMPTS.items():
                _example(TITLES[key], text, fill)

    if model:
        empty("message-square", "What would you like to know?", "Type below, or take an example.", examples)
    else:
        empty("wand-sparkles", "Convert a model first", "Then talk with it here. Or name a folder above.", no_models)


def _example(title: str, text: str, fill: Callable[[str], None]) -> None:
    Button(title, lambda: fill(text), classes="btn-small", tip=text)
