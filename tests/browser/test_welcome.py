"""The first start: three steps that say what this does, where models go, and lead to a first model; shown once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.axe import violations
from browser.program import Program
from browser.watching import Visitor


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """Start the UI for somebody who has never seen it, and has no network."""
    program = Program(tmp_path, env={"HF_HUB_OFFLINE": "1"}, new=True).start()
    yield program
    program.stop()


def step(page: Page, title: str) -> None:
    """Wait until ``title`` is the step that is shown."""
    expect(page.get_by_role("heading", name=title, level=2)).to_be_visible()


def test_three_steps_lead_to_a_first_model_and_never_come_back(visitor: Visitor, program: Program) -> None:
    page = visitor.open()
    step(page, "1. What it does")
    page.get_by_role("button", name="Next").click()
    step(page, "2. Where models go")
    expect(page.get_by_role("heading", name="2. Where models go")).to_be_focused()
    folder = page.get_by_label("Folder for models", exact=True)
    folder.fill("/etc/passwd")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert")).to_contain_text("/etc/passwd")
    folder.fill("converted here")
    expect(page.get_by_text("are free there")).to_contain_text(str(program.work / "converted here"))
    page.get_by_role("button", name="Next").click()
    step(page, "3. A first model")
    page.get_by_role("button", name="Back").click()
    expect(folder).to_have_value("converted here")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Choose HuggingFaceTB/SmolLM2-135M-Instruct").click()
    expect(page.get_by_role("combobox", name="Source model")).to_have_value("HuggingFaceTB/SmolLM2-135M-Instruct")
    expect(page.get_by_label("Folder", exact=True)).to_have_value(str(program.work / "converted here"))
    assert json.loads((program.home / "settings.json").read_text())["output_folder"] == "converted here"
    visitor.allow("ERR_CONNECTION_REFUSED|WebSocket connection|401 \\(Unauthorized")  # of the page that is left open
    program.stop()
    program.start()
    expect(visitor.open().get_by_role("heading", name="Convert", level=1)).to_be_visible()


def test_it_is_left_at_once_and_does_not_come_back_in_another_tab(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_role("heading", name="Convert", level=1)).to_be_visible()
    expect(visitor.open().get_by_role("heading", name="Convert", level=1)).to_be_visible()


def test_axe_finds_nothing_in_any_step(visitor: Visitor) -> None:
    for theme, width in (("light", 1280), ("dark", 390)):
        page = visitor.open("/welcome", theme=theme, width=width)
        for title in ("1. What it does", "2. Where models go", "3. A first model"):
            step(page, title)
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            if not title.startswith("3"):
                page.get_by_role("button", name="Next").click()
