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
    """Tick a precision card, and no other one."""
    tick(page, preset)
    for other in page.locator("label.option").filter(has=page.locator(":checked"), has_not_text=preset).all():
        other.click()
    expect(page.locator("label.option :checked")).to_have_count(1)


def tick(page: Page, preset: str) -> None:
    """Tick a precision card, if it is not."""
    card = page.locator("label.option").filter(has_text=preset)
    if not card.get_by_role("checkbox").is_checked():
        card.click()
    expect(card.get_by_role("checkbox")).to_be_checked()


def start_button(page: Page) -> Locator:
    """The one primary button."""
    return page.get_by_role("button", name=re.compile("^(Convert|Convert [0-9]+ models|Replace and convert)$"))


def job(page: Page, name: str) -> Locator:
    """The card of the conversion that makes ``name``."""
    return page.get_by_role("region", name=name, exact=True)
