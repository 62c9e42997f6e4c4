"""The NiceGUI application: every page, and what they share."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlx_convert_core import Workspace
from mlx_convert_ui.assets import STATIC

if TYPE_CHECKING:
    from fastapi import FastAPI

    from mlx_convert_ui.state.studio import Studio


def build(workspace: Workspace, *, origins: Sequence[str] = ()) -> FastAPI:
    """A FastAPI app that serves the UI of ``workspace``; websockets are taken from ``origins`` only."""
    from fastapi import FastAPI
    from nicegui import core, ui

    from mlx_convert_ui.state.studio import Studio

    logging.getLogger("nicegui").addFilter(_worth_telling)
    studio = Studio(workspace)
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    register(studio)
    studio.start()
    ui.run_with(
        server,
        title="MLX Convert",
        favicon=STATIC / "logo.svg",
        dark=studio.theme.dark,
        language="en-US",
        reconnect_timeout=10,
        binding_refresh_interval=None,
        tailwind=False,
        show_welcome_message=False,
    )
    core.sio.eio.cors_allowed_origins = list(origins)
    return server


def _worth_telling(record: logging.LogRecord) -> bool:
    """Whether a line of NiceGUI's log means something: people leave pages while an answer is on its way to them."""
    return "Client has been deleted" not in record.getMessage()


def register(studio: Studio) -> None:
    """Register every page and the shared head; once a process, before the first request."""
    from nicegui import app

    from mlx_convert_ui.pages.chat import page as chat
    from mlx_convert_ui.pages.compare import page as compare
    from mlx_convert_ui.pages.convert import page as convert
    from mlx_convert_ui.pages.find import page as find
    from mlx_convert_ui.pages.library import page as library
    from mlx_convert_ui.pages.missing import page as missing
    from mlx_convert_ui.pages.model import page as model
    from mlx_convert_ui.pages.plugins import page as plugins
    from mlx_convert_ui.pages.plugins import plugin_page as plugin
    from mlx_convert_ui.pages.queue import page as queue
    from mlx_convert_ui.pages.settings import page as settings
    from mlx_convert_ui.pages.test import page as test
    from mlx_convert_ui.pages.welcome import page as welcome
    from mlx_convert_ui.shell import attaching
    from mlx_convert_ui.widgets import frame as theme
    from mlx_convert_ui.words import follow

    follow(lambda: studio.workspace.settings.load().language)
    theme.register(studio)
    attaching.register(studio)
    app.on_shutdown(studio.close)
    every = (convert, find, test, chat, compare, library, missing, model, plugin, plugins, queue, settings, welcome)
    for page in every:
        page.register(studio)
