"""The language of the pages: as the browser asks, as Settings say, and each open page keeps its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mlx_convert_ui import words
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.words import speaking
from mlx_convert_ui.words.catalogues import ENGLISH, load
from nicegui import ui
from simulated import fill, sees, until, visiting

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is said without a page afterwards be English again."""
    monkeypatch.setattr(speaking._Here, "last", ENGLISH)


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


async def test_what_is_found_out_later_is_said_in_the_language_of_its_page(
    studio: Studio, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    german = replace(load("de"), messages={"Supported": ("Unterstützt",), "Convert": ("Konvertieren",)})
    monkeypatch.setattr(speaking, "load", lambda language: german if language == "de" else load(language))
    async with visiting(studio, "/settings") as user:
        user.http_client.headers["Accept-Language"] = "de"
        await user.open("/")
        page = user.client
        user.http_client.headers["Accept-Language"] = "en"
        await user.open("/settings")  # speaks last
        user.client = page
        await fill(user, "ref", str(tiny_llama))
        await sees(user, "Unterstützt")
        (button,) = user.find(marker="convert").elements
        assert button.text == "Konvertieren"


async def test_a_refusal_of_the_core_is_said_in_the_language_of_the_page(studio: Studio, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_text('{"model_type": "llama"}')
    (damaged / "model.safetensors").write_bytes(b"<html>" * 100)
    async with visiting(studio, "/settings") as user:
        user.http_client.headers["Accept-Language"] = "de"
        await user.open("/")
        await fill(user, "ref", str(damaged))
        await sees(user, "model.safetensors ist keine safetensors-Datei.")
        await sees(user, "Vielleicht ist es eine Fehlerseite, die unter diesem Namen gesichert wurde.")
