"""A long conversation: its earlier turns come without moving what is read, and the newest is a click away."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.axe import violations
from browser.models import scripted_model
from browser.program import Program
from browser.watching import Visitor
from mlx_convert_core import Workspace

PLUGINS = ("scripted",)
TURNS = 100
SHOWN = 40


@pytest.fixture(scope="module")
def conversation(program: Program, tiny_model: Path) -> str:
    """Keep a conversation of that many turns; its id."""
    model = scripted_model(
        tiny_model, program.work / "teller", [f"Line {number}.\n\n" for number in range(60)], hold_at=50
    )
    with Workspace(home=program.home) as workspace:
        talk = workspace.conversations.create(model)
        for number in range(0, TURNS, 2):
            talk = talk.with_message("user", f"Question {number}?")
            talk = talk.with_message("assistant", f"## Answer {number}\n\n- one\n- `two`\n\n```\nthree\n```")
        return workspace.conversations.save(talk).id


def turns(page: Page) -> Locator:
    """The messages, from the first that is drawn."""
    return page.get_by_role("log", name="Messages").get_by_role("article")


def top(turn: Locator) -> float:
    """Where on the screen it begins."""
    return float(turn.evaluate("turn => turn.getBoundingClientRect().top"))


def test_what_is_read_stays_where_it_is_when_earlier_messages_come(visitor: Visitor, conversation: str) -> None:
    page = visitor.open(f"/chat/{conversation}")
    expect(turns(page)).to_have_count(SHOWN)
    for shown, left in ((2 * SHOWN, 20), (TURNS, 0)):
        read = page.get_by_text(f"Question {TURNS - shown + SHOWN}?")
        more = page.get_by_role("button", name="earlier messages")
        more.scroll_into_view_if_needed()
        before = top(read)
        more.press("Enter")
        expect(turns(page)).to_have_count(shown)
        assert abs(top(read) - before) < 2
        if left:
            expect(more).to_have_text(f"Show {left} earlier messages")
            expect(more).to_be_focused()
    expect(more).to_be_hidden()
    expect(turns(page).nth(20)).to_be_focused()  # the button is gone: the keyboard goes on where one reads
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_newest_message_is_a_click_away_while_an_answer_comes(
    visitor: Visitor, conversation: str, held: Path
) -> None:
    page = visitor.open(f"/chat/{conversation}")
    newest = page.get_by_role("button", name="Newest message")
    expect(newest).to_be_hidden()
    page.get_by_role("textbox", name="Message").fill("Tell me")
    page.get_by_role("button", name="Send").click()
    expect(turns(page).last).to_contain_text("Line 40.")
    drawn = turns(page).count()
    page.mouse.wheel(0, -3000)
    expect(newest).to_be_visible()
    place = page.evaluate("scrollY")
    held.unlink()
    expect(turns(page).last).to_contain_text("Line 59.")
    assert page.evaluate("scrollY") == place  # who reads above is left alone
    assert violations(page) == []
    newest.click()
    expect(newest).to_be_hidden()
    expect(turns(page).last).to_be_in_viewport()
    assert turns(page).count() == drawn == SHOWN + 2  # none of those that were there went
