"""Names that try to be markup, properties, templates or script are shown as text on every page and in every dialog."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from browser.asking import ask, finished
from browser.convert_page import describe, source_field, start_button
from browser.models import copy_model, scripted_model
from browser.program import Program
from browser.watching import Visitor, alive
from mlx_convert_core import Workspace
from mlx_convert_core.plugin import ChatSettings

PLUGINS = ("scripted", "hostile")
RAN = "window.ran='name'"
SHOWN = f"<img src=x onerror={RAN}>"
NAME = f"\"' :data-x=\"{RAN}\" :onclick='{RAN}' {SHOWN} {{{{{RAN}}}}} `${{{RAN}}}` \u202e(y)"
NAME = f"{NAME:-<{220 - len(NAME.encode()) + len(NAME)}}"  # with a number behind it as long as one that ran once


@pytest.fixture(scope="module")
def models(program: Program, tiny_model: Path) -> tuple[Path, Path]:
    """Put two models with such names into the library, and a conversation with such a title and such turns."""
    models = tuple(scripted_model(tiny_model, program.models / f"{NAME} {number}", [NAME]) for number in (1, 2))
    with Workspace(home=program.home) as workspace:
        workspace.scan(program.models)
        conversation = workspace.conversations.create(models[0], ChatSettings(system=NAME))
        workspace.conversations.save(conversation.with_message("user", NAME).with_message("assistant", NAME))
    return models[0], models[1]


@pytest.mark.parametrize("path", ["/", "/test", "/chat", "/compare", "/queue", "/library", "/plugins", "/settings"])
def test_every_page(visitor: Visitor, models: tuple[Path, Path], path: str) -> None:
    page = visitor.open(f"{path}?model={quote(str(models[0]))}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _nothing_ran(page)


def test_the_page_and_the_preset_of_a_plugin(visitor: Visitor, models: tuple[Path, Path]) -> None:
    page = visitor.open("/plugin/hostile")
    expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x onerror=window.ran='plugin'>")
    _nothing_ran(page)


def test_a_folder_is_described_converted_and_replaced(
    visitor: Visitor, program: Program, models: tuple[Path, Path], tiny_source: Path
) -> None:
    source = copy_model(tiny_source, program.work / NAME)
    page = visitor.open("/")
    describe(page, source, name=f"{NAME}-MLX-4bit")
    for _ in ("converted", "replaced"):
        start_button(page).click()
        yes = page.get_by_role("dialog").get_by_role("button", name="Replace")
        expect(yes.or_(page.get_by_text("Running")).first).to_be_visible()
        if yes.is_visible():
            yes.click()
        expect(page.get_by_role("heading", name="is ready").first).to_contain_text(SHOWN)
        expect(page.get_by_role("button", name="Replace and convert")).to_be_visible()
        _nothing_ran(page)


def test_a_gguf_file_that_is_none(visitor: Visitor, program: Program, models: tuple[Path, Path]) -> None:
    gguf = program.work / f"{NAME}.gguf"
    gguf.write_bytes(b"GGUF")
    page = visitor.open("/")
    source_field(page).fill(str(gguf))
    expect(page.get_by_role("alert").first).to_be_visible()
    _nothing_ran(page)


def test_questions_and_their_answers(visitor: Visitor, models: tuple[Path, Path]) -> None:
    page = visitor.open(f"/test?model={quote(str(models[0]))}")
    ask(page, NAME)
    finished(page)
    _nothing_ran(page)
    page = visitor.open(f"/compare?model={quote(str(models[0]))}")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("region", name=f"{NAME} 1", exact=True)).to_be_visible()
    _nothing_ran(page)


def test_the_dialogs_of_the_library(visitor: Visitor, models: tuple[Path, Path]) -> None:
    (models[0] / "script.json").unlink()  # no file of a model: with it the folder would not be deleted
    page = visitor.open("/library")
    row = page.get_by_role("row").filter(has_text=f"{NAME} 1")
    row.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_role("dialog", name="Delete")).to_contain_text(SHOWN)
    _nothing_ran(page)
    page.keyboard.press("Escape")
    row.get_by_role("button", name="More").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="recipe").click()
    assert "/" not in download.value.suggested_filename
    assert "\u202e" not in download.value.suggested_filename
    row.get_by_role("button", name="Upload").click()
    dialog = page.get_by_role("dialog", name="Upload")
    expect(dialog).to_contain_text(SHOWN)
    dialog.get_by_role("combobox", name=re.compile("^Where to")).click()
    page.get_by_role("option", name="hostile").click()
    dialog.get_by_text("The card that goes with it").click()
    expect(dialog.get_by_role("group", name="Card")).to_contain_text("{{window.ran='plugin'}}")
    _nothing_ran(page)
    dialog.get_by_role("button", name="Upload", exact=True).click()
    expect(dialog).to_contain_text("javascript:window.ran='upload'")
    expect(dialog.get_by_role("link")).to_have_count(0)
    _nothing_ran(page)


def test_the_folder_picker(visitor: Visitor, program: Program, models: tuple[Path, Path]) -> None:
    (program.work / f"two\nlines {SHOWN}".replace("/", "")).mkdir()
    page = visitor.open("/library")
    page.get_by_role("button", name="Add folder").click()
    page.get_by_role("dialog").get_by_role("textbox").fill(str(models[0].parent))
    page.get_by_role("dialog").get_by_role("button", name="Choose a folder").click()
    picker = page.get_by_role("dialog").last
    expect(picker.get_by_role("button").filter(has_text=f"{NAME} 1")).to_be_visible()
    _nothing_ran(page)
    picker.get_by_role("button", name="..").click()
    expect(picker.get_by_role("button").filter(has_text=f"two lines {SHOWN}")).to_be_visible()
    picker.get_by_role("button", name="models").click()
    picker.get_by_role("button").filter(has_text=f"{NAME} 1").click()
    expect(picker).to_contain_text(f"models/{NAME} 1")
    _nothing_ran(page)


def test_a_conversation_and_its_dialogs(visitor: Visitor, models: tuple[Path, Path]) -> None:
    page = visitor.open("/chat")
    page.get_by_role("link").filter(has_text=SHOWN).first.click()
    alive(page)
    expect(page.get_by_role("log", name="Messages")).to_contain_text("{{window.ran='name'}}")
    _nothing_ran(page)
    page.get_by_role("button", name="Rename").click()
    title = page.get_by_role("dialog").get_by_role("textbox")
    title.fill(f"{NAME} again")
    title.press("Enter")
    expect(page.get_by_role("heading", name=f"{NAME} again")).to_be_visible()
    page.get_by_role("button", name="Settings").last.click()
    expect(page.get_by_role("dialog").get_by_role("textbox").first).to_have_value(NAME)
    _nothing_ran(page)
    page.get_by_role("button", name="Close the settings").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("again")
    _nothing_ran(page)


def test_a_row_of_the_queue(visitor: Visitor, program: Program, models: tuple[Path, Path]) -> None:
    page = visitor.open("/queue")
    page.get_by_role("textbox", name="Models").fill(f"{program.work / NAME} 3")
    page.get_by_role("button", name="Add to queue").click()
    row = page.get_by_role("region", name="Queue").get_by_role("listitem")
    expect(row).to_contain_text(SHOWN)
    expect(row.get_by_role("button", name="Try again")).to_be_visible()
    _nothing_ran(page)
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    _nothing_ran(page)


def _nothing_ran(page: Page) -> None:
    """No script of a name has run, also not when everything was touched once; nor did the browser keep one from it."""
    page.evaluate("document.querySelectorAll('[data-x], [onclick]').forEach(element => element.click())")
    assert page.evaluate("window.ran ?? null") is None
    assert page.locator("img[src=x]").count() == 0
