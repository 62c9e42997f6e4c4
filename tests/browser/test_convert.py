"""From a source to a converted model, as a person clicks."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from samples.mlx_folder import write_mlx_folder
from samples.seeing import write_seeing

from browser.axe import violations
from browser.convert_page import describe, job, source_field, start_button, tick
from browser.program import Program
from browser.watching import Visitor, alive

PLUGINS = ("hold",)
TINY = "tiny-llama-MLX-4bit"


@pytest.fixture(autouse=True)
def _empty_shelf(program: Program) -> Iterator[None]:
    yield
    shutil.rmtree(program.models, ignore_errors=True)


def test_what_stands_in_the_way_stands_beside_its_field(page: Page, program: Program, tmp_path: Path) -> None:
    source_field(page).fill(str(tmp_path / "nowhere"))
    expect(page.get_by_role("alert")).to_contain_text("There is no folder")
    expect(start_button(page)).to_be_disabled()
    zebra = tmp_path / "zebra"
    zebra.mkdir()
    (zebra / "config.json").write_text(json.dumps({"model_type": "zebra"}))
    source_field(page).fill(str(zebra))
    expect(page.get_by_text("Can't be converted")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="zebra")).to_be_visible()
    expect(start_button(page)).to_be_disabled()


def test_a_folder_that_may_not_be_written_is_said_beside_the_output(page: Page, tiny_source: Path) -> None:
    describe(page, tiny_source, name=TINY)
    folder = page.get_by_label("Folder", exact=True)
    before = folder.input_value()
    folder.fill("/proc/models")
    output = page.get_by_role("region", name="Output")
    expect(output.get_by_role("alert")).to_be_visible()
    expect(start_button(page)).to_be_disabled()
    folder.fill(before)
    expect(start_button(page)).to_be_enabled()


def test_an_existing_model_is_replaced_only_after_a_yes(page: Page, program: Program, tiny_source: Path) -> None:
    taken = write_mlx_folder(program.models / TINY)
    describe(page, tiny_source, name=TINY)
    start_button(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert (taken / "LICENSE").is_file()
    expect(page.get_by_role("progressbar", name=f"Progress of {TINY}")).to_have_count(0)
    start_button(page).click()
    dialog.get_by_role("button", name="Replace").click()
    expect(page.get_by_role("heading", name=f"{TINY} is ready")).to_be_visible()
    assert not (taken / "LICENSE").exists()
    assert (taken / "config.json").is_file()


def test_a_text_only_result_is_agreed_to_by_a_box(
    page: Page, program: Program, tiny_source: Path, tmp_path: Path
) -> None:
    source_field(page).fill(str(write_seeing(tiny_source, tmp_path / "seeing")))
    box = page.get_by_role("checkbox", name="Convert only the text model")
    expect(box).not_to_be_checked()
    expect(start_button(page)).to_be_disabled()
    assert violations(page) == []
    box.focus()
    page.keyboard.press("Space")
    expect(box).to_be_checked()
    expect(box).to_be_focused()
    expect(start_button(page)).to_be_enabled()
    start_button(page).click()
    expect(page.get_by_role("heading", name="seeing-MLX-4bit is ready")).to_be_visible()
    assert not list(program.models.glob("*/*processor_config.json"))
    job(page, "seeing-MLX-4bit").get_by_role("button", name="Dismiss").click()


def test_a_cancelled_conversion_leaves_no_folder(page: Page, program: Program, tiny_source: Path, held: Path) -> None:
    describe(page, tiny_source, name=TINY)
    start_button(page).click()
    expect(job(page, TINY).get_by_text("Running")).to_be_visible()
    assert not (program.models / TINY).exists()
    job(page, TINY).get_by_role("button", name="Cancel").click()
    expect(job(page, TINY)).to_contain_text("Nothing unfinished was kept.")
    assert not list(program.models.glob("*"))


def test_a_conversion_goes_on_without_any_tab(
    visitor: Visitor, program: Program, tiny_source: Path, held: Path
) -> None:
    page = visitor.open()
    describe(page, tiny_source, name=TINY)
    start_button(page).click()
    expect(job(page, TINY).get_by_text("Running")).to_be_visible()
    page.reload()
    alive(page)
    expect(job(page, TINY).get_by_text("Running")).to_be_visible()
    other = visitor.open()
    expect(job(other, TINY).get_by_text("Running")).to_be_visible()
    page.close()
    other.close()
    held.unlink()
    page = visitor.open()
    expect(page.get_by_role("heading", name=f"{TINY} is ready")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()


def test_what_is_made_follows_the_precisions_however_fast_one_clicks(
    page: Page, program: Program, tiny_source: Path
) -> None:
    describe(page, tiny_source, name=TINY)
    page.evaluate("document.querySelector('[value=\"8bit\"]').click(); document.querySelector('.btn-primary').click()")
    expect(page.get_by_role("heading", name="2 models are ready")).to_be_visible()
    assert sorted(made.name for made in program.models.iterdir()) == [TINY, "tiny-llama-MLX-8bit"]
    assert violations(page) == []
    for name in (TINY, "tiny-llama-MLX-8bit"):
        expect(page.get_by_role("group", name=name).get_by_role("button", name=f"Chat with {name}")).to_be_visible()


def test_a_phone_has_verdict_and_button_in_reach(visitor: Visitor, tiny_source: Path) -> None:
    page = visitor.open(width=390, height=780)
    describe(page, tiny_source, name=TINY)
    page.evaluate("window.scrollTo(0, 0)")
    expect(start_button(page)).to_be_in_viewport()
    expect(page.locator(".convert-bar")).to_contain_text("Runs here")
    tick(page, "8-bit")
    expect(page.locator(".convert-bar")).to_contain_text("2 models")
    sizes = page.evaluate(
        "[...document.querySelectorAll('.q-field input, textarea')].map(one => getComputedStyle(one).fontSize)"
    )
    assert {float(size.removesuffix("px")) >= 16 for size in sizes} == {True}  # below that iOS zooms the page


NOTIFICATIONS = """
window.told = [];
window.Notification = class {
  static permission = "default";
  static async requestPermission() { return (this.permission = "granted"); }
  constructor(title, about) { window.told.push([title, about.body]); }
};
Object.defineProperty(document, "hidden", { get: () => true });
"""


def test_who_works_in_another_tab_is_told_how_far_it_is_and_when_it_is_done(
    visitor: Visitor, tiny_source: Path, held: Path
) -> None:
    context = visitor.context()
    context.add_init_script(NOTIFICATIONS)
    page, silent = visitor.open(context=context), visitor.open(context=context)
    describe(page, tiny_source, name=TINY)
    ask = page.get_by_role("button", name="Tell me when it is done")
    expect(ask).to_have_count(0)  # there is nothing to wait for
    start_button(page).click()
    expect(page).to_have_title(re.compile(r"^\d+% · Convert"))
    assert violations(page) == []
    ask.click()
    expect(ask).to_have_count(0)
    held.unlink()
    expect(page.get_by_role("heading", name=f"{TINY} is ready")).to_be_visible()
    expect(page).to_have_title("Convert · MLX Convert")
    page.wait_for_function("window.told.length", polling=100)  # a page that is not seen draws no frames
    assert page.evaluate("window.told") == [["The conversion is done", f"{TINY}: ready"]]
    assert silent.evaluate("window.told") == []  # nobody asked there, and nobody was asked
    assert silent.evaluate("Notification.permission") == "default"
