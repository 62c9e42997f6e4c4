"""What somebody else's plugin adds is there for people who click: a preset, a page, a place to send models to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.convert_page import describe, start_button
from browser.models import copy_model, shelve
from browser.program import Program
from browser.watching import Visitor

PLUGINS = ("acme", "broken")


@pytest.fixture
def model(program: Program, tiny_model: Path) -> Path:
    """Give a model in the library."""
    model = copy_model(tiny_model, program.models / "tiny-llama-MLX-8bit")
    shelve(program.home, model)
    return model


def test_its_preset_converts_its_page_shows_and_a_broken_one_says_why(page: Page, tiny_source: Path) -> None:
    describe(page, tiny_source, name="tiny-llama-MLX-4bit")
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_role("combobox", name=re.compile("^Preset")).click()
    page.get_by_role("option", name="Acme 3-bit").click()
    expect(page.get_by_text("What Acme puts on its watches.")).to_be_visible()
    start_button(page).click()
    expect(page.get_by_role("heading", name="tiny-llama-MLX-acme3 is ready")).to_be_visible()
    page.get_by_role("link", name="Acme").click()
    expect(page.get_by_role("heading", name="Acme", level=1)).to_be_visible()
    expect(page.get_by_text(re.compile("Acme knows 1 model"))).to_be_visible()
    page.get_by_role("link", name="Plugins").click()
    expect(page.get_by_role("alert")).to_contain_text("a_module_that_nobody_has")
    expect(page.get_by_text("acme3")).to_be_visible()


def test_its_upload_target_is_offered_and_used(visitor: Visitor, program: Program, model: Path) -> None:
    page = visitor.open("/library")
    page.get_by_role("button", name=f"Upload {model.name}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name=re.compile("^Where to")).click()
    page.get_by_role("option", name=re.compile("acme", re.IGNORECASE)).click()
    expect(dialog.locator(".path", has_text=model.name)).to_be_visible()
    dialog.get_by_text("The card that goes with it").click()
    expect(dialog.get_by_text("On the shelf of Acme.")).to_be_visible()
    dialog.get_by_role("button", name="Upload", exact=True).click()
    expect(dialog).to_contain_text(str(program.work / "acme" / model.name))
    assert (program.work / "acme" / model.name / "config.json").is_file()
