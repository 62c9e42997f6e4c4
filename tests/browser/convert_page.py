"""The Convert page in the hands of a person."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect


def describe(page: Page, source: object, *, preset: str = "4-bit", name: str) -> None:
    """Name the source and the precision, and wait until ``name`` is what the model would be called."""
    source_field(page).fill("")  # the form still holds what was typed last
    expect(start_button(page)).to_be_disabled()
    choose(page, preset)
    source_field(page).fill(str(source))
    expect(page.get_by_label("Name", exact=True)).to_have_attribute("placeholder", name)
    expect(start_button(page)).to_be_enabled()
    expect(page.get_by_text("Memory to convert")).to_be_visible()


def source_field(page: Page) -> Locator:
    """Where the model is named."""
    return page.get_by_role("combobox", name="Source model")


def choose(page: Page, preset: str) -> None:
    """Click a precision card."""
    card = page.locator("label.option").filter(has_text=preset)
    card.click()
    expect(card.get_by_role("radio")).to_be_checked()


def start_button(page: Page) -> Locator:
    """The one primary button."""
    return page.get_by_role("button", name=re.compile("^(Convert|Replace and convert)$"))


def job(page: Page, name: str) -> Locator:
    """The card of the conversion that makes ``name``."""
    return page.get_by_role("region", name=name, exact=True)
