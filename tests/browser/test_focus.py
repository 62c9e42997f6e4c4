"""What had the focus before a question has it again after the answer, for those who use no mouse."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.models import scripted_model
from browser.program import Program
from browser.watching import Visitor

PLUGINS = ("scripted",)


@pytest.fixture(scope="module")
def parrot(program: Program, tiny_model: Path) -> Path:
    """Give a model that says what was said to it."""
    return scripted_model(tiny_model, program.work / "parrot", ["You said: {prompt}"])


def answered(page: Page, asking: Locator, *keys: str) -> None:
    """Press ``asking`` by keyboard, close the dialog that comes with ``keys``, and look where the focus is."""
    asking.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(":focus")).to_be_visible()
    for key in keys:
        page.keyboard.press(key)
    expect(dialog).to_have_count(0)
    expect(asking).to_be_focused()


def test_a_licence_that_was_read(visitor: Visitor) -> None:
    page = visitor.open("/settings")
    answered(page, page.get_by_role("button", name="Read").first, "Enter")


def test_the_questions_about_a_conversation(visitor: Visitor, parrot: Path) -> None:
    page = visitor.open(f"/chat?model={quote(str(parrot))}")
    page.get_by_role("textbox", name="Message").fill("Hello")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You said: Hello")).to_be_visible()
    answered(page, page.get_by_role("button", name="Rename"), "Escape")
    answered(page, page.get_by_role("button", name="Delete", exact=True), "Escape")
    answered(page, page.get_by_role("button", name="Settings", exact=True), "Escape")
    answered(page, page.get_by_role("button", name="Rename"), "N", "Enter")


def test_a_folder_that_is_not_added_after_all(visitor: Visitor) -> None:
    page = visitor.open("/library")
    answered(page, page.get_by_role("button", name="Add folder").first, "Escape")
