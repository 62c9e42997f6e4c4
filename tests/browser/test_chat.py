"""Conversations that last, and answers beside each other."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.axe import violations
from browser.models import scripted_model
from browser.program import Program
from browser.watching import Visitor, alive

PLUGINS = ("scripted",)


@pytest.fixture(scope="module")
def parrot(program: Program, tiny_model: Path) -> Path:
    """Give a model that says what was said to it."""
    return scripted_model(tiny_model, program.work / "parrot", ["<think>What to say?</think>", "You said: {prompt}"])


def test_a_conversation_is_kept_edited_answered_again_exported_and_deleted(
    visitor: Visitor, parrot: Path, tmp_path: Path
) -> None:
    page = visitor.open(f"/chat?model={quote(str(parrot))}")
    message = page.get_by_role("textbox", name="Message")
    message.press_sequentially("first line")
    message.press("Shift+Enter")
    message.press_sequentially("second line")
    message.press("Enter")
    expect(turns(page)).to_have_count(2)
    expect(turns(page).last).to_contain_text("You said: first line second line")
    expect(turns(page).last.get_by_text("What to say?")).to_be_hidden()
    say(page, "And this?", 4)
    page.goto(page.url)
    alive(page)
    expect(turns(page)).to_have_count(4)
    expect(turns(page).last).to_contain_text("You said: And this?")

    turns(page).nth(2).hover()
    turns(page).nth(2).get_by_role("button", name="Edit and ask again").click()
    page.get_by_role("textbox", name="Your message").fill("Or that?")
    page.get_by_role("button", name="Ask again", exact=True).click()
    expect(turns(page).last).to_contain_text("You said: Or that?")
    expect(turns(page)).to_have_count(4)
    turns(page).last.hover()
    turns(page).last.get_by_role("button", name="Answer again").click()
    expect(turns(page).last).to_contain_text("You said: Or that?")
    expect(turns(page).last.get_by_role("group", name="Versions of this answer")).to_contain_text("2 of 2")
    assert violations(page) == []
    message = turns(page).nth(2).get_by_role("group", name="Versions of this message")
    expect(message).to_contain_text("2 of 2")
    message.get_by_role("button", name="Earlier message").click()
    expect(turns(page).last).to_contain_text("You said: And this?")
    turns(page).nth(2).get_by_role("button", name="Later message").click()
    expect(turns(page).last).to_contain_text("You said: Or that?")

    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("About parrots")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="About parrots")).to_be_visible()
    stored = json.loads(_export(page, "JSON", tmp_path))
    assert [one["role"] for one in stored["messages"]] == ["user", "assistant", "user", "assistant"]
    assert "## You\n\nOr that?" in _export(page, "Markdown", tmp_path)

    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="New chat")).to_be_visible()
    expect(page.get_by_role("link", name="About parrots")).to_have_count(0)


def test_two_models_answer_side_by_side_and_the_first_difference_is_marked(
    visitor: Visitor, program: Program, tiny_model: Path
) -> None:
    said = (["Paris ", "is ", "old."], ["Paris ", "is ", ", ", "mysterious", " and old."])
    models = [
        scripted_model(tiny_model, program.work / f"witness-{number}", pieces) for number, pieces in enumerate(said)
    ]
    page = visitor.open(f"/compare?model={quote(str(models[0]))}")
    page.get_by_role("textbox", name="Model 2: its folder").fill(str(models[1]))
    page.get_by_role("textbox", name="Prompt", exact=True).fill("Which town?")
    page.get_by_role("button", name="Compare", exact=True).click()
    second = page.get_by_role("region", name="witness-1")
    expect(page.get_by_role("region", name="witness-0").locator("mark")).to_have_text("old.")
    expect(second).to_contain_text("Differs from model 1 after 2 words: “mysterious”.")
    expect(second.locator("mark")).to_have_text("mysterious")  # a mark around the comma alone might break Markdown
    summary = page.get_by_role("table", name="Summary")
    expect(summary.get_by_role("row", name="2 · 1")).to_contain_text("After 2 words")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="CSV").click()
    (_, one, other) = csv.reader(Path(download.value.path()).read_text().splitlines())
    assert (one[0], other[0], other[-2]) == ("witness-0", "witness-1", "Paris is , mysterious and old.")
    page.reload()
    alive(page)
    expect(second.locator("mark")).to_have_text("mysterious")
    expect(summary).to_be_visible()


def turns(page: Page) -> Locator:
    """The messages, from the first."""
    return page.get_by_role("log", name="Messages").get_by_role("article")


def say(page: Page, text: str, count: int) -> None:
    """Send ``text`` and wait for the answer, which makes ``count`` turns."""
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()
    expect(turns(page)).to_have_count(count)
    expect(turns(page).last).to_contain_text(f"You said: {text}")


def _export(page: Page, form: str, folder: Path) -> str:
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_text(re.compile(f"^{form}, to")).click()
    download.value.save_as(folder / form)
    return (folder / form).read_text(encoding="utf-8")
