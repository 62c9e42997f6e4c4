"""The Test page in the hands of a person."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from browser.watching import Visitor

PATIENCE = 300_000  # ms; a real model on a loaded CPU takes seconds for a token


def visit(visitor: Visitor, model: Path) -> Page:
    """Open the page with ``model`` chosen."""
    return visitor.open(f"/test?model={quote(str(model))}")


def ask(page: Page, prompt: str) -> None:
    """Type the prompt and press the button."""
    page.get_by_role("textbox", name="Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Generate").click()


def answer(page: Page) -> Locator:
    """The card with the answer."""
    return page.get_by_role("region", name="Answer")


def finished(page: Page) -> None:
    """Wait for the figures of the finished answer."""
    expect(answer(page)).to_contain_text("First token after", timeout=PATIENCE)
