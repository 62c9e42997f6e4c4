"""A library of ten thousand models: found, sorted, gone through and selected, with the mouse and without."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.axe import violations
from browser.models import copy_model
from browser.program import Program
from browser.watching import Visitor, alive
from mlx_convert_core import Workspace, to_json
from mlx_convert_core.plugin import plain

MANY = 10_000


@pytest.fixture(scope="module")
def models(program: Program, tiny_model: Path) -> list[str]:
    """Put that many into the library, of which the newest three are there; their names, newest first."""
    paths = [copy_model(tiny_model, program.models / f"real-{name}") for name in "abc"]
    with Workspace(home=program.home) as workspace:
        real = [workspace.scan(path)[0] for path in paths]
        others = [
            replace(
                real[0],
                name=f"model-{number}",
                path=Path(f"/gone/{number}"),
                source=f"org/base-{number // 10}",
                size=number * 1_000_000,
                created=f"2025-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}+00:00",
            )
            for number in range(MANY - len(real))
        ]
        (program.home / "library.json").write_bytes(to_json({"schema": 1, "entries": plain([*others, *real])}))
        return [entry.name for entry in workspace.library.entries()]


def row(page: Page, place: int) -> str:
    """The name of the model in the line ``place``."""
    return page.locator(f"[data-line='{place}'] a").inner_text().replace("\n", "")


def test_only_what_is_on_the_screen_is_drawn_and_the_rest_comes_when_it_is_scrolled_to(
    visitor: Visitor, models: list[str]
) -> None:
    page = visitor.open("/library")
    expect(page.get_by_text("10,000 models · ")).to_be_visible()
    assert [row(page, place) for place in range(4)] == models[:4]
    assert page.get_by_role("row").count() < 80
    page.evaluate("scrollTo(0, 200000)")
    seen = page.locator("[data-line]").nth(8)
    expect(seen).to_be_visible()
    place = int(seen.get_attribute("data-line") or "")
    assert place > 1_000
    expect(seen).to_have_attribute("aria-rowindex", str(place + 2))
    assert row(page, place) == models[place]
    assert page.get_by_role("row").count() < 80


def test_back_leads_to_what_was_asked_for_and_to_the_place_where_it_was_left(
    visitor: Visitor, models: list[str]
) -> None:
    page = visitor.open("/library")
    page.get_by_role("button", name="Size", exact=True).click()
    expect(page.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("textbox", name="Search").fill("model")
    expect(page).to_have_url(re.compile(r"/library\?q=model&sort=size$"))
    expect(page.get_by_text("9,997 of 10,000 models · ")).to_be_visible()
    page.evaluate("scrollTo(0, 100000)")
    page.wait_for_function("document.querySelector('[data-line]')?.dataset.line > 500")  # drawn anew, and come
    name = row(page, int(page.locator("[data-line]").nth(10).get_attribute("data-line") or ""))
    page.wait_for_function("JSON.parse(sessionStorage.getItem('library-at')).index > 500")
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    page.go_back()
    alive(page)
    expect(page.get_by_role("textbox", name="Search")).to_have_value("model")
    expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()


def test_models_are_selected_by_keyboard_and_in_spans(visitor: Visitor, models: list[str]) -> None:
    page = visitor.open("/library?sort=name")
    page.get_by_role("checkbox", name="Select model-0", exact=True).focus()
    page.keyboard.press("Space")
    said = page.get_by_role("status").filter(has_text="selected")
    expect(said).to_have_text("1 model selected · 0 bytes")
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("aria-label", "Select model-30")
    expect(focused).to_be_in_viewport()
    page.keyboard.press("Shift+Space")
    expect(page.get_by_role("region", name="Selected models")).to_contain_text("31 models")
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.get_by_role("region", name="Selected models")).to_have_count(0)
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("checkbox", name="Select all models shown").check()
    expect(page.get_by_role("region", name="Selected models")).to_contain_text("10,000 models")


def test_a_group_is_selected_and_the_list_narrowed_to_its_source(visitor: Visitor, models: list[str]) -> None:
    page = visitor.open("/library?sort=name")
    page.get_by_role("button", name="Group by source").click()
    expect(page.get_by_role("rowheader", name="org/base-0 10 models", exact=False)).to_be_visible()
    page.get_by_role("checkbox", name="Select all models made from org/base-0").check()
    expect(page.get_by_role("region", name="Selected models")).to_contain_text("10 models")
    expect(page.get_by_role("checkbox", name="Select model-3", exact=True)).to_be_checked()
    page.get_by_role("combobox", name="Quantization").select_option("8 bit")
    page.get_by_role("combobox", name="State").select_option("there")
    expect(page.get_by_text("3 of 10,000 models · ")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?quantization=8\+bit&state=there&sort=name&group=1$"))


def test_nothing_to_object_to_with_models_selected_and_a_menu_open(visitor: Visitor, models: list[str]) -> None:
    for theme in ("light", "dark"):
        page = visitor.open("/library?group=1", theme=theme)
        page.get_by_role("checkbox", name="Select real-c", exact=True).check()
        expect(page.get_by_role("region", name="Selected models")).to_be_visible()
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 860})
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        more = page.get_by_role("button", name="More for real-c")
        more.click()
        expect(page.get_by_role("menuitem", name="Delete …")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("menuitem")).to_have_count(0)
        expect(more).to_be_focused()


def test_several_models_go_after_one_question(visitor: Visitor, models: list[str], program: Program) -> None:
    page = visitor.open("/library?q=real")
    for name in ("real-a", "real-b"):
        page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
    page.get_by_role("region", name="Selected models").get_by_role("button", name="Delete …").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("Delete 2 models?")
    expect(question).to_contain_text("This frees ")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("1 of 9,998 models · ").first).to_be_visible()
    expect(page.get_by_role("checkbox", name="Select real-c")).to_be_visible()
    assert not (program.models / "real-a").exists()
    assert (program.models / "real-c").exists()
