"""What every page does in the browser alone: lists, menus, long texts, an app that is gone, addresses of nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browser.axe import violations
from browser.convert_page import describe, job, source_field, start_button
from browser.models import copy_model
from browser.program import Program
from browser.watching import Visitor, alive
from mlx_convert_core import Workspace

LONG = 1_200_000  # characters: more than a message may have


@pytest.mark.parametrize(("path", "label"), [("/", "Bits"), ("/queue", "Presets"), ("/settings", "Preset")])
def test_axe_finds_nothing_in_an_open_list(visitor: Visitor, path: str, label: str) -> None:
    page = visitor.open(path)
    if path == "/":
        page.get_by_text("Advanced", exact=True).click()
    page.get_by_label(label, exact=True).click()
    expect(page.locator(".q-menu[role=listbox]")).to_be_visible()
    assert violations(page) == []


def test_arrow_keys_walk_through_a_menu(visitor: Visitor, program: Program, tiny_model: Path) -> None:
    with Workspace(home=program.home) as workspace:
        workspace.scan(copy_model(tiny_model, program.models / "walked"))
    page = visitor.open("/library")
    page.get_by_role("button", name="More for walked").click()
    items = page.get_by_role("menuitem")
    expect(items.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(items.last).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(items.last).to_be_focused()
    assert violations(page) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_chosen_of_many_stays_inside_of_its_field(visitor: Visitor, width: int) -> None:
    page = visitor.open("/queue", width=width)
    page.get_by_role("combobox", name="Presets").click()
    left = page.get_by_role("option", selected=False)
    expect(left.first).to_be_visible()
    chips = page.locator(".chips-field .q-chip")
    while left.count():
        chosen = chips.count()
        left.first.click()
        expect(chips).to_have_count(chosen + 1)
    page.keyboard.press("Escape")
    assert chips.count() > 8
    field = page.locator(".chips-field .q-field__control").bounding_box()
    below = page.get_by_role("combobox", name="Upload when done").bounding_box()
    assert field is not None
    assert below is not None
    for box in (chip.bounding_box() for chip in chips.all()):
        assert box is not None
        assert field["x"] <= box["x"] <= box["x"] + box["width"] <= field["x"] + field["width"]
        assert field["y"] <= box["y"] <= box["y"] + box["height"] <= field["y"] + field["height"]
    assert field["y"] + field["height"] < below["y"]


def test_a_text_that_is_too_long_is_refused_and_what_was_there_stays(visitor: Visitor) -> None:
    page = visitor.open("/queue")
    field = page.get_by_role("textbox", name="Models")
    field.fill("org/name")
    field.evaluate(
        """(field, size) => {
            const data = new DataTransfer();
            data.setData("text/plain", "x".repeat(size));
            field.focus();
            document.execCommand("insertText", false, data.getData("text/plain"));
        }""",
        LONG,
    )
    expect(page.get_by_role("alert").filter(has_text="That is too long")).to_be_visible()
    assert field.input_value() == "org/name"
    alive(page)


def test_an_address_that_leads_nowhere_leads_back(visitor: Visitor, program: Program) -> None:
    page = visitor.open()
    visitor.allow("404")
    page.goto(f"{page.url.rstrip('/')}/nowhere")
    expect(page.get_by_role("heading", name="Page not found", level=1)).to_be_visible()
    assert violations(page) == []
    alive(page)
    page.get_by_role("button", name="Open Convert").click()
    expect(source_field(page)).to_be_visible()


def test_two_tabs_keep_what_was_typed_in_each(visitor: Visitor) -> None:
    context = visitor.context()
    first = visitor.open(context=context)
    source_field(first).fill("/nowhere/first")
    expect(first.get_by_role("alert")).to_be_visible()
    second = visitor.open(context=context)
    source_field(second).fill("/nowhere/second")
    expect(second.get_by_role("alert").filter(has_text="second")).to_be_visible()
    first.reload()
    alive(first)
    expect(source_field(first)).to_have_value("/nowhere/first")
    second.reload()
    alive(second)
    expect(source_field(second)).to_have_value("/nowhere/second")


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Program]:
    """Start a program that the test may end."""
    program = Program(tmp_path / "program", "hold").start()
    yield program
    program.stop()


def test_an_app_that_was_killed_says_so_and_its_conversion_can_go_on(
    browser: Browser, mortal: Program, tiny_source: Path
) -> None:
    hold = mortal.home / "hold"
    hold.touch()
    before = Visitor(browser, mortal)
    page = before.open()
    describe(page, tiny_source, name="tiny-llama-MLX-4bit")
    start_button(page).click()
    expect(job(page, "tiny-llama-MLX-4bit").locator("[data-state=running]").filter(has_text="Check")).to_be_visible()
    mortal.kill()
    gone = page.get_by_role("alertdialog", name="MLX Convert isn't responding")
    expect(gone).to_be_visible()
    expect(gone.get_by_role("button", name="Check again")).to_be_focused()
    assert page.locator("#app").get_attribute("inert") is not None
    assert violations(page) == []
    gone.get_by_role("button", name="Check again").click()
    expect(gone).to_contain_text("It still isn't responding.")

    hold.unlink()
    mortal.start()
    after = Visitor(browser, mortal)
    page = after.open()
    cut_off = page.get_by_role("region", name="tiny-llama-MLX-4bit was interrupted")
    expect(cut_off).to_be_visible()
    assert violations(page) == []
    cut_off.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="tiny-llama-MLX-4bit is ready")).to_be_visible()
    expect(cut_off).to_have_count(0)
    after.leave()
