"""Wherever a model is chosen, it is found among many: by words or arrow keys, with its size and bits, and by ear."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.axe import violations
from browser.models import copy_model
from browser.program import Program
from browser.watching import Visitor
from mlx_convert_core import Workspace

NAMES = ("Llama-3.2-1B-Instruct-MLX-4bit", "Llama-3.2-1B-Instruct-MLX-8bit", "tiny")


@pytest.fixture(scope="module")
def models(program: Program, tiny_model: Path) -> tuple[Path, ...]:
    """Put models of one family, and one of another, into the library; the last one is the newest."""
    models = tuple(copy_model(tiny_model, program.models / name) for name in NAMES)
    with Workspace(home=program.home) as workspace:
        for model in models:
            workspace.scan(model)
    return models


def chooser(page: Page, label: str = "Model") -> Locator:
    """The button that says what is chosen."""
    return page.get_by_role("button", name=f"{label}:")


def words(page: Page) -> Locator:
    """Where one types what is looked for."""
    return page.get_by_role("combobox", name="Search the models")


def options(page: Page) -> Locator:
    """What there is to choose from."""
    return page.get_by_role("listbox", name="Models").get_by_role("option")


@pytest.mark.parametrize("path", ["/test", "/chat", "/compare"])
def test_a_model_is_chosen_by_keys_alone(visitor: Visitor, models: tuple[Path, ...], path: str) -> None:
    label = {"/test": "Model", "/chat": "Model of this conversation", "/compare": "Model 2"}[path]
    page = visitor.open(path)
    button = chooser(page, label)
    button.press("Enter")
    expect(words(page)).to_be_focused()
    expect(options(page)).to_have_count(len(NAMES) + 1)
    expect(options(page).first).to_contain_text("bits\xa0per\xa0weight")
    page.keyboard.type("llama 8bit")
    expect(options(page)).to_have_count(2)
    expect(options(page).first).to_have_attribute("aria-selected", "true")
    expect(words(page)).to_have_attribute("aria-activedescendant", str(options(page).first.get_attribute("id")))
    page.keyboard.press("Enter")
    expect(options(page)).to_have_count(0)
    expect(button).to_be_focused()
    expect(button).to_contain_text("MLX-8bit")
    page.keyboard.press("Space")
    expect(words(page)).to_have_value("")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(button).to_contain_text("MLX-8bit")


def test_a_folder_that_is_no_model_of_the_library_may_be_named(visitor: Visitor, models: tuple[Path, ...]) -> None:
    page = visitor.open("/test")
    chooser(page).click()
    expect(words(page)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(options(page).last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Model: its folder")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_open_menu_is_sound_and_shows_where_names_differ(
    visitor: Visitor, models: tuple[Path, ...], theme: str
) -> None:
    page = visitor.open(f"/compare?model={models[0]}&model={models[1]}", theme=theme)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 860})
        for label, end in (("Model 1", "MLX-4bit"), ("Model 2", "MLX-8bit")):
            tail = chooser(page, label).locator(".cut-name > :last-child")
            expect(tail).to_contain_text(end)
            assert tail.evaluate("(part) => part.scrollWidth <= part.clientWidth + 1"), (width, label)
        chooser(page, "Model 1").click()
        expect(options(page)).to_have_count(len(NAMES) + 1)
        assert violations(page) == [], width
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        page.keyboard.press("Escape")
        expect(options(page)).to_have_count(0)
