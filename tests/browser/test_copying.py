"""Copying: in the browser, on the click itself, and "copied" is said only when it is true.

Safari takes text for the clipboard only in the click; here Chromium is made as strict.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.asking import answer, ask, finished, visit
from browser.convert_page import describe, job, start_button
from browser.models import scripted_model
from browser.program import Program
from browser.watching import Visitor

PLUGINS = ("scripted",)
AS_STRICT_AS_SAFARI = """
(() => {
  let clicked = false;
  addEventListener("click", () => { clicked = true; setTimeout(() => (clicked = false)); }, true);
  navigator.clipboard.writeText = (text) => {
    if (!clicked) return Promise.reject(new DOMException("not in a click", "NotAllowedError"));
    window.taken = text;
    return Promise.resolve();
  };
  document.execCommand = () => false;
})();
"""
NEVER = "navigator.clipboard.writeText = () => Promise.reject(new Error()); document.execCommand = () => false;"
WITHOUT = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"


@pytest.fixture(autouse=True)
def _empty_shelf(program: Program) -> Iterator[None]:
    yield
    shutil.rmtree(program.models, ignore_errors=True)


def taken(page: Page) -> str:
    return str(page.evaluate("window.taken"))


def test_an_answer_is_copied_on_the_click(visitor: Visitor, program: Program, tiny_model: Path) -> None:
    page = visit(visitor, scripted_model(tiny_model, program.work / "poet", ["Roses ", "are ", "**red**."]))
    page.evaluate(AS_STRICT_AS_SAFARI)
    ask(page, "Colours?")
    finished(page)
    answer(page).get_by_role("button", name="Copy the answer").click()
    expect(page.get_by_text("Answer copied")).to_be_visible()
    assert taken(page) == "Roses are **red**."


def test_command_and_recipe_are_copied_on_the_click(page: Page, tiny_source: Path) -> None:
    page.evaluate(AS_STRICT_AS_SAFARI)
    describe(page, tiny_source, name="tiny-llama-MLX-4bit")
    start_button(page).click()
    card = job(page, "tiny-llama-MLX-4bit")
    card.get_by_role("button", name="Copy command").click()
    expect(page.get_by_text("Command copied")).to_be_visible()
    assert taken(page).startswith("mlx-convert convert ")
    card.get_by_role("button", name="Copy recipe").click()
    expect(page.get_by_text("Recipe copied")).to_be_visible()
    assert json.loads(taken(page))["outputs"][0]["preset"] == "4bit"


def test_nothing_is_called_copied_that_was_not(visitor: Visitor, program: Program, tiny_model: Path) -> None:
    page = visit(visitor, scripted_model(tiny_model, program.work / "silent", ["Secret"]))
    page.evaluate(NEVER)
    ask(page, "What?")
    finished(page)
    answer(page).get_by_role("button", name="Copy the answer").click()
    expect(page.get_by_text("Your browser doesn't allow the page to copy")).to_be_visible()
    expect(page.get_by_text("Answer copied")).to_have_count(0)


def test_without_a_clipboard_the_selection_is_copied(visitor: Visitor, program: Program, tiny_model: Path) -> None:
    page = visit(visitor, scripted_model(tiny_model, program.work / "far", ["From afar"]))
    page.evaluate(WITHOUT)
    page.evaluate("addEventListener('copy', () => (window.taken = document.activeElement.value))")
    ask(page, "What?")
    finished(page)
    answer(page).get_by_role("button", name="Copy the answer").click()
    expect(page.get_by_text("Answer copied")).to_be_visible()
    assert taken(page) == "From afar"
