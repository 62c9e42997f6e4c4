"""Pages in other languages: read from the right in Arabic, longer words in German, other letters in Japanese."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlx_convert_ui.words.catalogues import load
from playwright.sync_api import Page, expect

from browser.looks import HEIGHT, WIDTHS, cut_off, faults, sticking_out
from browser.models import copy_model
from browser.program import Program
from browser.watching import Visitor, alive
from mlx_convert_core import Workspace

PAGES = ("/", "/test", "/chat", "/compare", "/library", "/queue", "/plugins", "/settings", "/welcome")


@pytest.fixture(scope="module")
def models(program: Program, tiny_model: Path) -> int:
    """Put three models into the library; how many there are."""
    names = ("first", "second", "third")
    for name in names:
        copy_model(tiny_model, program.models / name)
    with Workspace(home=program.home) as workspace:
        workspace.scan(program.models)
    return len(names)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_that_is_read_from_the_right(visitor: Visitor, models: int, path: str) -> None:
    page = visitor.open(path, locale="ar-EG")
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    found = [f"{width}: {text}" for width in WIDTHS for text in _faults(page, width)]
    assert not found, "\n".join(found)
    beside = page.evaluate("document.querySelector('#main').getBoundingClientRect().left")
    page.set_viewport_size({"width": 1280, "height": HEIGHT})
    sidebar = page.evaluate("document.querySelector('.sidebar').getBoundingClientRect().left")
    assert sidebar > 1280 / 2 > beside


def test_what_opens_on_a_page_that_is_read_from_the_right(visitor: Visitor, models: int) -> None:
    page = visitor.open("/settings", locale="ar")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_be_visible()
    found = [f"palette, {width}: {text}" for width in WIDTHS for text in _faults(page, width)]
    page.keyboard.press("Escape")
    page.get_by_role("combobox", name=load("ar").say("Language", {})).click()
    expect(page.get_by_role("option", name="العربية")).to_be_visible()
    found += [f"list, {width}: {text}" for width in WIDTHS for text in _faults(page, width)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", PAGES)
def test_longer_words_have_room(visitor: Visitor, models: int, path: str) -> None:
    page = visitor.open(path, locale="de-DE")
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["de", "ltr"]
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        found += [f"{width}: {text}" for text in (*sticking_out(page), *cut_off(page))]
    assert not found, "\n".join(found)


def test_things_are_counted_as_the_language_counts_them(visitor: Visitor, models: int) -> None:
    for locale in ("ar", "de", "ja"):
        page = visitor.open("/library", locale=locale)
        said = load(locale).count("{count:,} model", "{count:,} models", models, {})
        expect(page.get_by_text(said).first).to_be_visible()


def test_a_refused_model_is_told_of_from_right_to_left(visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "model.safetensors").write_bytes(b"<html>" * 100)
    page = visitor.open("/", locale="ar")
    page.locator("[role=combobox]").first.fill(str(tmp_path))
    refused = page.get_by_role("alert").filter(has_text="safetensors").first
    expect(refused).to_contain_text("\u2068model.safetensors\u2069 ليس ملف safetensors.")
    expect(refused).to_contain_text("نزّله مجددًا.")
    assert refused.evaluate("node => getComputedStyle(node).direction") == "rtl"


def test_a_language_chosen_in_settings_goes_before_the_browsers(visitor: Visitor) -> None:
    page = visitor.open("/settings", locale="de")
    page.get_by_role("combobox", name=load("de").say("Language", {})).click()
    page.get_by_role("option", name="日本語").click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.get_by_role("heading", level=1)).to_have_text(load("ja").say("Settings", {}))
    alive(page)
    page.get_by_role("combobox", name=load("ja").say("Language", {})).click()
    page.get_by_role("option", name=load("ja").say("Same as the browser", {})).click()
    expect(page.locator("html")).to_have_attribute("lang", "de")


def _faults(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    return faults(page)
