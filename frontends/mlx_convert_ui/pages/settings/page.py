"""The Settings page: what a person sets once, accounts, and what this app is made of."""

from __future__ import annotations

from nicegui import ui

from mlx_convert_ui.pages.settings.about import about, licences
from mlx_convert_ui.pages.settings.accounts import accounts
from mlx_convert_ui.pages.settings.defaults import appearance, converting, uploads
from mlx_convert_ui.pages.settings.leftovers import leftovers
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import block
from mlx_convert_ui.widgets.frame import frame
from mlx_convert_ui.words import _


def register(studio: Studio) -> None:
    """Serve it at /settings."""

    @ui.page("/settings")
    def page() -> None:
        with frame(studio, "/settings", _("Settings"), _("Saved as soon as you change them.")), block("columns"):
            with block("column"):
                converting(studio)
                leftovers(studio)
                accounts(studio)
                uploads(studio)
                appearance(studio)
                licences()
            with block("column"):
                about(studio)
