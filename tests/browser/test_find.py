"""From a word to a conversation: models are found, chosen, converted and talked with, by mouse and by keys alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hubserver import Hub
from hubserver.client import environment
from playwright.sync_api import BrowserContext, Locator, Page, expect

from browser.axe import violations
from browser.convert_page import source_field, start_button
from browser.program import Program
from browser.watching import Visitor, alive

CLICKS = "addEventListener('click', (event) => event.isTrusted && event.detail && window.clicked(), true)"
READY = "mlx-community/tiny-llama-8bit"
CARD = """# Tiny Llama

A model *for tests*, [described elsewhere](https://example.org/paper), with ![a picture](https://example.org/x.png).

| task | score | task | score | task | score | task | score | task | score | task | score | task | score |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
| reasoning | 12.345 | reading | 12.345 | writing | 12.345 | arithmetic | 12.345 | code | 12.345 | all | 1 | none | 2 |
"""
EVIL = """
<img src="https://example.org/tracker.png"><script>document.title = "owned"</script>
<style>body { display: none }</style>
<div onclick="document.title = 'owned'">A box.</div> [Click me](javascript:alert(1))
"""
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, tiny_source: Path, tiny_model: Path) -> Iterator[Hub]:
    """Start a hub with models of several makers, and one whose card has a page of its own in mind."""
    hub = Hub(tmp_path_factory.mktemp("hub"))
    about = {"README.md": f"---\nlicense: apache-2.0\n---\n{CARD}"}
    hub.add_repo("maker/tiny-llama", about, folder=tiny_source, downloads=1_234_567, likes=4321)
    zebra = {"config.json": json.dumps({"model_type": "zebra"})}
    hub.add_repo("maker/tiny-zebra", zebra, folder=tiny_source, downloads=500, gated="manual")
    hub.add_repo("evil/tiny-one", {"README.md": f"---\nlicense: {HOSTILE}\n---\n{EVIL}"}, folder=tiny_source)
    for name, base in ((READY, "maker/tiny-llama"), ("mlx-community/tiny-llama-chat-8bit", "maker/tiny-llama-chat")):
        card = f"---\nlibrary_name: mlx\nbase_model: {base}\n---\n"
        hub.add_repo(name, {"README.md": card}, folder=tiny_model)
    hub.add_repo("club/ready-8bit", {"README.md": "---\nlibrary_name: mlx\n---\n"}, folder=tiny_model)
    for number in range(6):
        hub.add_repo(f"others/tiny-{number}", folder=tiny_source, downloads=50 - number)
    yield hub
    hub.stop()
    assert not hub.errors, "\n".join(hub.errors)


@pytest.fixture(scope="module")
def program(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Start the UI for Ann, who is signed in to ``hub``."""
    program = Program(tmp_path_factory.mktemp("program"), env=environment(hub, token=hub.token("ann"))).start()
    yield program
    program.stop()


def options(page: Page) -> Locator:
    """What there is to choose from."""
    return page.get_by_role("listbox", name="Models to choose from").get_by_role("option")


def search(page: Page, words: str, first: str) -> None:
    """Type ``words`` and wait until ``first`` heads the list."""
    source_field(page).fill(words)
    expect(options(page).first).to_contain_text(first)


def test_from_a_word_to_an_answer_in_four_clicks_and_to_a_shared_model_in_two_more(visitor: Visitor, hub: Hub) -> None:
    context = visitor.context()
    clicks = counted(context)
    page = visitor.open(context=context)
    source_field(page).click()
    page.keyboard.type("tiny")
    options(page).filter(has_text="maker/tiny-llama").click()
    expect(start_button(page)).to_be_enabled()
    start_button(page).click()
    page.get_by_role("region", name="tiny-llama-MLX-4bit").get_by_role("button", name="Chat").click()
    expect(page.get_by_role("heading", name="Chat", level=1)).to_be_visible()
    alive(page)
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.type("What is the capital of France?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article").last).to_contain_text(re.compile(r"tokens/s"))
    assert 0 < len(clicks) <= 4
    page.get_by_role("button", name="Upload the model").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("ann/tiny-llama-MLX-4bit", exact=True)).to_be_visible()
    expect(dialog.get_by_text("Private", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Upload", exact=True).click()
    expect(dialog.get_by_text("Uploaded")).to_be_visible()
    assert len(clicks) <= 6
    shared = hub.repos.pop("ann/tiny-llama-MLX-4bit")  # the other tests search without it
    assert shared.private
    assert "model.safetensors" in shared.files


def test_a_word_finds_models_with_what_there_is_to_know_of_each(visitor: Visitor) -> None:
    page = visitor.open()
    search(page, "tiny", "maker/tiny-llama")
    best = options(page).first
    for fact in (
        "at 4-bit",
        "345 k parameters",
        "llama",
        "apache-2.0",
        "1.23 M downloads",
        "4.32 k likes",
        "1 Jan 2026",
    ):
        expect(best).to_contain_text(fact)
    expect(best).to_contain_text(re.compile("Runs here|Tight"))
    zebra = options(page).filter(has_text="tiny-zebra")
    expect(zebra).to_contain_text("Not supported")
    expect(zebra).to_contain_text("Asks for access")
    expect(options(page)).to_have_count(6)
    page.get_by_role("button", name="Show more").click()
    expect(options(page)).to_have_count(11)
    expect(options(page).filter(has_text="evil/tiny-one")).to_contain_text(HOSTILE)
    expect(page.get_by_role("listbox").locator("img")).to_have_count(0)


def test_keys_alone_choose_and_the_list_says_what_is_marked(visitor: Visitor) -> None:
    page = visitor.open()
    search(page, "tiny", "maker/tiny-llama")
    field = source_field(page)
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    field.press("ArrowDown")
    marked = options(page).nth(1)
    expect(marked).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", str(marked.get_attribute("id")))
    expect(field).to_be_focused()
    field.press("Shift+Enter")
    expect(page.get_by_role("heading", name="tiny-zebra", level=1)).to_be_visible()
    page.go_back()
    alive(page)
    search(page, "tiny", "maker/tiny-llama")
    field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_value("maker/tiny-llama")
    expect(page.get_by_text("Supported", exact=True)).to_be_visible()
    expect(options(page)).to_have_count(0)
    expect(field).to_have_attribute("aria-expanded", "false")


def test_nearly_a_name_gets_names_like_it_and_nothing_says_so(visitor: Visitor) -> None:
    page = visitor.open()
    search(page, "tiny-lama", "maker/tiny-llama")
    expect(page.get_by_text("No name has exactly these words. Similar names:")).to_be_visible()
    source_field(page).fill("qqqqqqqq")
    expect(page.get_by_text("No model has these words in its name.")).to_be_visible()
    source_field(page).fill("maker/tiny-lama")
    page.get_by_role("button", name="Use maker/tiny-llama").click()
    expect(page.get_by_text("Supported", exact=True)).to_be_visible()


def test_an_empty_field_suggests_and_remembers(visitor: Visitor, hub: Hub) -> None:
    page = visitor.open()
    hub.requests.clear()
    search(page, "", "maker/tiny-llama")  # it was converted above
    expect(page.get_by_role("group", name="Converted before")).to_be_visible()
    expect(page.get_by_role("group", name="Good to start with")).to_contain_text("SmolLM2-135M-Instruct")
    expect(page.get_by_text("GGUF file (~/models/")).to_be_visible()
    assert not list(hub.requests)


def test_a_hub_that_is_down_is_said_below_the_field(visitor: Visitor, hub: Hub) -> None:
    page = visitor.open()
    source_field(page).fill("")
    with hub.down():
        source_field(page).fill("another word")
        expect(page.locator(".found-below .note-message")).not_to_be_empty()


def test_what_others_have_converted_is_got_and_talked_with(visitor: Visitor, hub: Hub) -> None:
    page = visitor.open()
    source_field(page).fill("maker/tiny-llama")
    ready = page.get_by_role("list", name="Already converted from exactly this model").get_by_role("listitem")
    expect(ready).to_have_count(1)  # not the one whose name only begins so
    expect(page.get_by_text("Already converted:")).to_have_count(0)  # said once
    assert violations(page) == []
    hub.fault("slow", path="model.safetensors", origin="cdn", times=1, rate=300_000)
    ready.get_by_role("button", name=f"Get {READY}").click()
    coming = page.get_by_role("region", name="Get tiny-llama-8bit")
    expect(coming.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_role("heading", name="tiny-llama-8bit is in the library")).to_be_visible()
    assert violations(page) == []
    expect(ready.get_by_role("button", name="Chat with tiny-llama-8bit")).to_be_visible()
    coming.get_by_role("button", name="Chat").click()
    expect(page.get_by_role("heading", name="Chat", level=1)).to_be_visible()
    alive(page)
    expect(page.get_by_role("button", name="Model of this conversation")).to_contain_text("tiny-llama-8bit")
    visitor.open("/library").get_by_role("row").filter(has_text="tiny-llama-8bit").wait_for()


def test_a_model_that_is_mlx_already_is_to_be_got_where_it_is_named(visitor: Visitor) -> None:
    page = visitor.open()
    search(page, "tiny-llama-chat", "mlx-community/tiny-llama-chat-8bit")
    expect(options(page).first).to_contain_text("MLX, 8-bit")
    options(page).first.click()
    expect(page.get_by_text("it answers as it is")).to_be_visible()
    page.get_by_role("button", name="Get it").click()
    expect(page.get_by_role("heading", name="tiny-llama-chat-8bit is in the library")).to_be_visible()


def test_a_model_has_a_page_before_it_is_converted(visitor: Visitor) -> None:
    page = visitor.open()
    search(page, "tiny", "maker/tiny-llama")
    options(page).filter(has_text="maker/tiny-llama").locator(".found-more").click()
    expect(page.get_by_role("heading", name="tiny-llama", level=1)).to_be_visible()
    alive(page)
    about = page.get_by_role("region", name="About")
    for fact in ("Supported", "llama", "345 k", "apache-2.0", "1.23 M", "4.32 k", "1 Jan 2026"):
        expect(about).to_contain_text(fact)
    sizes = page.get_by_role("table", name="Sizes").get_by_role("row")
    expect(sizes).to_have_count(5)
    expect(sizes.nth(1)).to_contain_text(re.compile("4-bit.*≈.*(Runs here|Tight)"))
    ready = page.get_by_role("list", name="Already converted from exactly this model").get_by_role("listitem")
    expect(ready).to_have_count(1)
    page.get_by_text("Files (").click()
    expect(page.get_by_role("table", name="Files")).to_contain_text("model.safetensors")
    page.get_by_role("button", name="Convert", exact=True).click()
    expect(source_field(page)).to_have_value("maker/tiny-llama")
    page.get_by_role("link", name="About this model").click()
    expect(page.get_by_role("heading", name="tiny-llama", level=1)).to_be_visible()


def test_a_card_is_read_and_does_nothing(visitor: Visitor) -> None:
    page = visitor.open("/find?ref=maker/tiny-llama", width=390)
    card = page.get_by_role("region", name="Model card")
    expect(card.get_by_text("A model for tests")).to_be_visible()
    expect(card.get_by_role("link", name="described elsewhere")).to_have_attribute("href", "https://example.org/paper")
    table = card.locator(".md-table")
    assert table.evaluate("table => table.scrollWidth > table.clientWidth")
    heights = table.locator("th").evaluate_all("cells => cells.map(cell => cell.offsetHeight)")
    assert max(heights) < 40  # no word is broken to make room
    expect(card.get_by_role("link", name="a picture")).to_have_attribute("rel", re.compile("noopener"))
    visitor.allow("Executing inline event handler violates")  # of one that stands in the parsed text, which never runs
    page = visitor.open("/find?ref=evil/tiny-one")
    card = page.get_by_role("region", name="Model card")
    expect(card.get_by_text("A box.")).to_be_visible()
    card.get_by_text("A box.").click()
    expect(card.get_by_text("Click me")).to_have_count(1)
    expect(card.locator("img, script, style, [onclick], [href]")).to_have_count(0)
    expect(page).to_have_title(re.compile("tiny-one"))
    expect(page.get_by_role("region", name="About")).to_contain_text(HOSTILE)


def test_a_page_of_a_model_that_is_ready_offers_to_get_it_and_then_to_chat(visitor: Visitor) -> None:
    page = visitor.open("/find?ref=club/ready-8bit")
    expect(page.get_by_role("region", name="About")).to_contain_text("ready to use")
    page.get_by_role("button", name="Get", exact=True).click()
    expect(page.get_by_role("heading", name="ready-8bit is in the library")).to_be_visible()
    head = page.locator(".page-actions")
    expect(head.get_by_role("button", name="Chat")).to_be_visible()
    expect(head.get_by_role("button", name="Get", exact=True)).to_have_count(0)
    head.get_by_role("button", name="Chat").click()
    expect(page.get_by_role("button", name="Model of this conversation")).to_contain_text("ready-8bit")


def test_a_page_of_what_can_not_be_looked_at_says_why(visitor: Visitor, hub: Hub) -> None:
    page = visitor.open("/find?ref=maker/tiny-lama")
    expect(page.get_by_role("alert")).to_contain_text("maker/tiny-lama")
    page.get_by_role("link", name="Use maker/tiny-llama").click()
    expect(source_field(page)).to_have_value("maker/tiny-llama")
    with hub.down():
        page = visitor.open("/find?ref=others/tiny-0")
        expect(page.get_by_role("alert")).not_to_be_empty()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Supported", exact=True)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_on_the_page_of_a_model(visitor: Visitor, theme: str, width: int) -> None:
    page = visitor.open("/find?ref=maker/tiny-llama", theme=theme, width=width)
    page.get_by_text("Files (").click()
    expect(page.get_by_role("region", name="Model card")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_the_list(visitor: Visitor, theme: str, width: int) -> None:
    page = visitor.open(theme=theme, width=width)
    search(page, "", "maker/tiny-llama")
    assert violations(page) == []
    search(page, "tiny", "maker/tiny-llama")
    source_field(page).press("ArrowDown")
    expect(options(page).first).to_have_attribute("aria-selected", "true")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def counted(context: BrowserContext) -> list[object]:
    """Every click of a person in ``context``, from now on."""
    clicks: list[object] = []
    context.expose_function("clicked", lambda: clicks.append(None))
    context.add_init_script(CLICKS)
    return clicks
