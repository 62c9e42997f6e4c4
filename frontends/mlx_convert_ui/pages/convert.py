"""The Convert page."""

from __future__ import annotations

from nicegui import ui

from mlx_convert_ui.studio import Studio
from mlx_convert_ui.theme import frame


def register(studio: Studio) -> None:
    """Serve it at /."""

    @ui.page("/")
    def page() -> None:
        with frame(studio, "/", "Convert", "Turn a Hugging Face or local model into a fast MLX model."):
            pass
