"""Ctrl or ⌘ with K leads anywhere: to pages, models, chats and actions, by keys alone, and says so to who can't see."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.axe import violations
from browser.models import copy_model
from browser.program import Program
from browser.watching import Visitor, alive
from mlx_convert_core import Workspace


@pytest.fixture(scope="module")
def model(program: Program, tiny_model: Path) -> Path:
    """Put a model into the library, and a conversation with it into the list."""
    model = copy_model(tiny_model, program.models / "tiny-llama-MLX-8bit")
    with Workspace(home=program.home) as workspace:
        workspace.scan(program.models)
        conversation = workspace.conversations.create(model, title="About rivers")
        workspace.conversations.save(conversation.with_message("user", "Which is the longest?"))
    return model


def field(page: Page) -> Locator:
    """Where one types where to go."""
    return page.get_by_role("combobox", name="Go to", exact=True)


def opened(page: Page) -> Locator:
    """Press the keys, and wait until the field takes what is typed. The choices."""
    page.keyboard.press("Control+k")
    expect(field(page)).to_be_focused()
    return page.get_by_role("listbox", name="Where to go").get_by_role("option")


def test_keys_alone_lead_to_pages_models_chats_and_actions(visitor: Visitor, model: Path) -> None:
    page = visitor.open("/settings")
    choices = opened(page)
    for group in ("Pages", "Models", "Chats", "Actions"):
        expect(page.get_by_role("group", name=group)).to_be_visible()
    expect(choices.first).to_have_attribute("aria-selected", "true")
    expect(field(page)).to_have_attribute("aria-activedescendant", str(choices.first.get_attribute("id")))
    page.keyboard.type("librar")
    expect(choices.first).to_contain_text("Library")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Library", level=1)).to_be_visible()
    alive(page)

    choices = opened(page)
    page.keyboard.type("8bit tiny")
    expect(choices.first).to_contain_text("tiny-llama-MLX-8bit")
    expect(choices.first).to_contain_text("8 bit")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="tiny-llama-MLX-8bit", level=1)).to_be_visible()
    alive(page)

    choices = opened(page)
    page.keyboard.type("rivers")
    expect(choices.first).to_contain_text("About rivers")
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("2 results")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="About rivers")).to_be_visible()
    alive(page)

    opened(page)
    page.keyboard.type("dark")
    page.keyboard.press("Enter")  # at once: it is what was typed that counts
    expect(page.locator("body.body--dark")).to_be_visible()


def test_what_is_nowhere_here_is_searched_for(visitor: Visitor, model: Path) -> None:
    page = visitor.open("/library")
    choices = opened(page)
    page.keyboard.type("<b>qwen</b>")
    expect(choices).to_have_count(1)
    expect(choices.first).to_contain_text("Search models for “<b>qwen</b>”")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Source model")).to_have_value("<b>qwen</b>")


def test_the_focus_comes_back_and_other_dialogs_keep_theirs(visitor: Visitor, model: Path) -> None:
    page = visitor.open("/library")
    adding = page.get_by_role("button", name="Add folder").first
    adding.focus()
    opened(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(adding).to_be_focused()
    adding.click()
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.keyboard.press("Control+k")
    expect(field(page)).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_the_palette(visitor: Visitor, model: Path, theme: str, width: int) -> None:
    page = visitor.open("/queue", theme=theme, width=width)
    page.get_by_role("button", name="Go to …").click()
    expect(field(page)).to_be_focused()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
