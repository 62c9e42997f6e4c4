"""Every page, wide and narrow, light and dark, has nothing that axe-core objects to and nothing that sticks out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest
from playwright.sync_api import Page, expect
from samples.mlx_folder import write_mlx_folder

from browser.asking import ask
from browser.axe import COLOURS, violations
from browser.convert_page import describe, job, start_button
from browser.models import copy_model, scripted_model
from browser.program import Program
from browser.watching import Visitor, alive
from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import ChatSettings

PLUGINS = ("acme", "broken", "hold", "scripted")
HEIGHT = 860
NAME = "tiny-llama-MLX-4bit"
SAID = (
    "# A heading\n\nSome **words** with `code`, a [link](https://example.org) and\n\n",
    "- a list\n- of two\n\n| a | table |\n|---|---|\n| 1 | 2 |\n\n```python\nprint('long ' * 30)  # long\n```",
)


@pytest.fixture(scope="module")
def models(program: Program, tiny_model: Path) -> tuple[Path, ...]:
    """Put two models and one that has vanished into the library, and start a conversation with one."""
    models = (
        copy_model(tiny_model, program.models / "tiny-llama-MLX-8bit"),
        scripted_model(tiny_model, program.models / "scripted", SAID),
        copy_model(tiny_model, program.models / "vanished"),
    )
    with Workspace(home=program.home) as workspace:
        workspace.scan(program.models)
        conversation = workspace.conversations.create(models[1], ChatSettings(system="Be kind."))
        conversation = conversation.with_message("user", "Hello?").with_message("assistant", "".join(SAID))
        workspace.conversations.save(conversation)
    models[2].rename(program.work / "gone")
    return models


def test_convert_with_a_running_job(visitor: Visitor, models: tuple[Path, ...], tiny_source: Path, held: Path) -> None:
    page = visitor.open()
    describe(page, tiny_source, name=NAME)
    page.get_by_text("Advanced", exact=True).click()
    start_button(page).click()
    expect(job(page, NAME).get_by_text("Running")).to_be_visible()
    _everywhere(visitor, "/", lambda page: expect(job(page, NAME).get_by_text("Running")).to_be_visible())
    held.unlink()
    expect(page.get_by_role("heading", name=f"{NAME} is ready")).to_be_visible()
    _everywhere(visitor, "/", lambda page: expect(page.get_by_text(f"{NAME} is ready")).to_be_visible())


def test_the_dialogs(visitor: Visitor, models: tuple[Path, ...], program: Program, tiny_source: Path) -> None:
    write_mlx_folder(program.models / "tiny-llama-MLX-6bit")

    def overwrite(page: Page) -> None:
        describe(page, tiny_source, preset="6-bit", name="tiny-llama-MLX-6bit")
        start_button(page).click()
        expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_visible()

    def pick(page: Page) -> None:
        page.get_by_role("button", name="Choose a folder").click()
        expect(page.get_by_role("dialog").get_by_role("button", name="Choose this folder")).to_be_visible()

    def upload(page: Page) -> None:
        page.get_by_role("button", name="Upload scripted").click()
        expect(page.get_by_role("dialog").get_by_role("button", name="Upload", exact=True)).to_be_visible()
        expect(page.get_by_text("Checking …")).to_have_count(0)

    for path, opened in (("/", overwrite), ("/", pick), ("/library", upload)):
        _everywhere(visitor, path, opened)


def test_answers(visitor: Visitor, models: tuple[Path, ...]) -> None:
    page = visitor.open(f"/test?model={quote(str(models[1]))}")
    ask(page, "Go on")
    _everywhere(visitor, "/test", lambda page: expect(page.get_by_text("First token after")).to_be_visible())
    page = visitor.open(f"/compare?model={quote(str(models[1]))}")
    page.get_by_role("button", name="Compare", exact=True).click()

    def compared(page: Page) -> None:
        expect(page.get_by_role("table", name="Summary")).to_be_visible()
        page.get_by_role("heading", name="Settings").click()
        page.get_by_role("button", name="Export").click()
        expect(page.get_by_role("menuitem", name="Markdown")).to_be_visible()

    _everywhere(visitor, "/compare", compared)
    _everywhere(visitor, "/chat", _open_conversation)
    _everywhere(visitor, "/chat", _keep_settings)


def test_the_queue(visitor: Visitor, models: tuple[Path, ...], program: Program, tiny_source: Path, held: Path) -> None:
    first, second = (copy_model(tiny_source, program.work / name) for name in ("first", "second"))
    with Workspace(home=program.home) as workspace:
        refs = (program.work / "nowhere", first, second)
        workspace.queue.add_many([ConvertRequest(ref=str(ref), preset="4bit") for ref in refs])

    def drawn(page: Page) -> None:
        for state in ("Failed", "Running", "Waiting"):
            expect(page.get_by_role("listitem").filter(has_text=state)).not_to_have_count(0)
        page.get_by_role("textbox", name="Models").fill(f"{program.work / 'nowhere'}\n{first}")
        expect(page.get_by_text("There is no folder")).to_have_count(2)
        expect(page.get_by_text("Supported")).to_be_visible()

    _everywhere(visitor, "/queue", drawn)


@pytest.mark.parametrize("path", ["/library", "/plugins", "/settings", "/plugin/acme", "/chat/none"])
def test_the_other_pages(visitor: Visitor, models: tuple[Path, ...], path: str) -> None:
    _everywhere(visitor, path)


def test_the_page_of_a_model(visitor: Visitor, models: tuple[Path, ...], program: Program) -> None:
    with Workspace(home=program.home) as workspace:
        for number, path in enumerate(models[:2]):
            quality = {"kl_mean": 0.02 + number / 100, "text": "bundled-1"}
            measured = {"quality": quality, "speed": {"generation_tokens_per_second": 50.0}}
            workspace.library.add(replace(workspace.find(path), source="org/base", measurements=measured))

    def unfolded(page: Page) -> None:
        page.locator("details > summary").first.click()
        expect(page.get_by_role("table", name="Files")).to_be_visible()
        expect(page.get_by_role("img", name="Size against KL divergence")).to_be_visible()

    _everywhere(visitor, f"/model?model={quote(str(models[0]))}", unfolded)


def _open_conversation(page: Page) -> None:
    link = page.get_by_role("link", name="Hello?")
    page.goto(urljoin(page.url, str(link.get_attribute("href"))))
    alive(page)
    expect(page.get_by_role("article")).to_have_count(2)


def _keep_settings(page: Page) -> None:
    page.get_by_role("button", name="Settings", exact=True).click()
    page.get_by_role("button", name="Keep these settings").click()
    expect(page.get_by_role("dialog", name="Keep these settings")).to_be_visible()


def _everywhere(visitor: Visitor, path: str, prepare: Callable[[Page], object] = lambda page: None) -> None:
    """Look at the page at both widths and in both themes, once it is prepared; themes differ in colours alone."""
    found: list[str] = []
    page = visitor.open(path)
    prepare(page)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for theme, rules in (("light", ()), ("dark", COLOURS)):
            page.emulate_media(color_scheme=theme)
            expect(page.locator(f"body.body--{theme}")).to_have_count(1)
            found += [f"{theme} {width}: {text}" for text in violations(page, rules)]
            sticking_out = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            found += [f"{theme} {width}: {sticking_out} px stick out"] if sticking_out > 0 else []
    page.context.close()
    assert not found, "\n".join(dict.fromkeys(found))
