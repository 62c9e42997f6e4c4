"""The language of the pages: as the browser asks, as Settings say, and each open page keeps its own."""

from __future__ import annotations

import pytest
from mlx_convert_ui import words
from mlx_convert_ui.state.studio import Studio
from nicegui import ui
from simulated import fill, sees, until, visiting

pytestmark = pytest.mark.asyncio


async def test_the_language_of_the_browser(studio: Studio) -> None:
    async with visiting(studio, "/settings") as user:
        await sees(user, "Settings")
        user.http_client.headers["Accept-Language"] = "de-CH,de;q=0.9,en;q=0.5"
        await user.open("/settings")
        await sees(user, "Einstellungen")
        assert user.client is not None
        assert (user.client.page.language, words.catalogue().language) == ("de", "de")
        user.http_client.headers["Accept-Language"] = "nb"
        await user.open("/settings")
        await sees(user, "Settings")


async def test_a_choice_in_settings_goes_before_the_browsers(studio: Studio) -> None:
    async with visiting(studio, "/settings") as user:
        user.http_client.headers["Accept-Language"] = "de"
        await fill(user, "language", "ja")
        await until(lambda: studio.workspace.settings.load().language == "ja")
        await user.open("/settings")
        await sees(user, "設定")


async def test_an_open_page_keeps_its_language(studio: Studio) -> None:
    async with visiting(studio, "/settings") as german:
        german.http_client.headers["Accept-Language"] = "de"
        await german.open("/settings")
        old = german.client
        studio.workspace.settings.set("language", "ja")
        await german.open("/settings")
        assert old is not None
        with old.content:
            assert ui.label(words._("Settings")).text == "Einstellungen"
        await sees(german, "設定")
