"""The pages that plugins add, each inside our frame; one that fails says so there and harms nothing else."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING
from urllib.parse import quote

from nicegui import run, ui

from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.bug_report import bug_report
from mlx_convert_ui.widgets.components import Button, block, empty, note
from mlx_convert_ui.widgets.frame import frame
from mlx_convert_ui.words import _

if TYPE_CHECKING:
    from mlx_convert_core.plugin import Page

LOAD_SECONDS = 60  # a plugin may import something heavy the first time


def register(studio: Studio) -> None:
    """Serve them at /plugin/NAME."""

    @ui.page("/plugin/{name}", response_timeout=LOAD_SECONDS)
    async def page(name: str) -> None:
        found = studio.pages.get(name)
        if found is None:
            with frame(studio, "", _("Page not found"), _("No plugin has a page called {name}.", name=name)):
                _unknown()
            return
        with frame(studio, f"/plugin/{quote(name)}", found.title, found.summary):
            await _draw(studio, found)


async def _draw(studio: Studio, page: Page) -> None:
    place = block("plugin-page")
    try:
        draw = await run.io_bound(page.load)
        with place:
            drawn = draw(studio.workspace) if draw is not None else None
            if hasattr(drawn, "__await__"):
                await drawn
    except Exception as error:
        place.clear()
        with place:
            note(
                "error",
                _("This page failed: {error}", error=f"{type(error).__name__}: {error}"),
                _("It belongs to a plugin; see Plugins."),
                _more,
            )
            bug_report("".join(traceback.format_exception(error)))


def _more() -> None:
    Button(_("Plugins"), lambda: ui.navigate.to("/plugins"), icon="puzzle", classes="btn-small")


def _unknown() -> None:
    with block("card", "section", label=_("Not found")):
        empty("puzzle", _("Nothing here"), _("The plugin was removed, or did not load."), _more)
