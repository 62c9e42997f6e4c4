"""The whole way: a real model is converted, asked, looked up and deleted; once by mouse, once by keyboard alone."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from browser.asking import answer, finished
from browser.convert_page import describe, job, source_field, start_button
from browser.program import Program
from browser.watching import Visitor, alive


def test_convert_test_library_delete(page: Page, program: Program, smollm2: Path) -> None:
    name = f"{smollm2.name}-MLX-8bit"
    describe(page, smollm2, preset="8-bit", name=name)
    start_button(page).click()
    expect(page.get_by_role("heading", name=f"{name} is ready")).to_be_visible()
    page.get_by_role("button", name="Test it").click()
    expect(page.get_by_role("heading", name="Test", level=1)).to_be_visible()
    alive(page)
    page.get_by_role("button", name="Simple", exact=True).click()
    page.get_by_label("Temperature", exact=True).fill("0")
    page.get_by_label("Max tokens", exact=True).fill("50")
    page.get_by_role("button", name="Generate").click()
    finished(page)
    expect(answer(page)).to_contain_text("Paris")
    page.get_by_role("link", name="Library").click()
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("8 bit")
    expect(row).to_contain_text("145 MB")
    page.get_by_role("button", name=f"More for {name}").click()
    page.get_by_role("menuitem", name="Delete").click()
    dialog = page.get_by_role("dialog").filter(has_text="This frees")
    expect(dialog).to_contain_text("This frees 1")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No models yet")).to_be_visible()
    assert not (program.models / name).exists()


def test_the_same_by_keyboard_alone(visitor: Visitor, program: Program, tiny_source: Path) -> None:
    page = visitor.open()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, source_field(page))
    page.keyboard.insert_text(str(tiny_source))
    expect(page.get_by_text("Memory to convert")).to_be_visible()
    before = page.locator("[name=precision]:checked")
    _tab_to(page, page.get_by_role("checkbox", name="bf16"))
    page.keyboard.press("Space")
    expect(start_button(page)).to_have_text("Convert 2 models")
    _tab_to(page, before.first)
    page.keyboard.press("Space")
    name = "tiny-llama-MLX-bf16"
    expect(page.get_by_label("Name", exact=True)).to_have_attribute("placeholder", name)
    _tab_to(page, start_button(page))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"{name} is ready")).to_be_visible()
    _tab_to(page, job(page, name).get_by_role("button", name="Test it"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Test", level=1)).to_be_visible()
    alive(page)
    _tab_to(page, page.get_by_role("textbox", name="Prompt", exact=True))
    page.keyboard.press("Control+Enter")
    finished(page)
    _tab_to(page, page.get_by_role("link", name="Library"))
    page.keyboard.press("Enter")
    alive(page)
    _tab_to(page, page.get_by_role("button", name=f"More for {name}"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_visible()
    _tab_to(page, page.get_by_role("menuitem", name="Delete"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    _tab_to(page, page.get_by_role("dialog").get_by_role("button", name="Delete"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("No models yet")).to_be_visible()
    assert not (program.models / name).exists()


def _tab_to(page: Page, target: Locator) -> None:
    """Press Tab until ``target`` has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab never leads to {target}")
