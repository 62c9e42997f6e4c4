"""`make screenshots`: every page in both themes, with a real model, real answers and a conversion that runs.

The Hub is a server on this machine that offers SmolLM2 under its real name, and sends it slowly when a conversion
is to be seen running.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hubserver import Hub
from hubserver.client import environment
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from samples.smollm2 import NAME, smollm2

from browser import asking, chromium
from browser.convert_page import choose, job, source_field, start_button
from browser.program import Program
from browser.watching import Visitor, alive
from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import ChatSettings, figures_of

TARGET = Path(__file__).parents[2] / "docs" / "screenshots"
REPO = f"HuggingFaceTB/{NAME}"
SIZE = (1280, 860)
COLOURS = 256
CARD = "---\nlicense: apache-2.0\nlanguage: [en]\nlibrary_name: transformers\n---\n# SmolLM2\n"
QUESTIONS = ("What is the capital of France?", "Name three dishes that people eat there.")
SYSTEM = "You are a helpful assistant. Answer in one or two sentences."
QUEUE = (("6bit", "bf16"), ("mixed_4_6",), ("mxfp4",))
THEMES = ("light", "dark")
expect.set_options(timeout=600_000)  # a small, busy machine takes its time to answer


def main() -> None:
    """Make them all."""
    TARGET.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.gettempdir()) / "mlx-convert-demo"
    shutil.rmtree(folder, ignore_errors=True)
    hub = Hub(folder / "hub")
    hub.add_repo(REPO, {"README.md": CARD}, folder=smollm2(), downloads=1_500_000, likes=900)
    os.environ.update(environment(hub, token=hub.token("ada")))
    program = Program(folder, env={"HF_HOME": str(folder / "second-cache")})
    try:
        models = _convert(program)
        _talk(program, models[0])
        program.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.executable(), args=list(chromium.ARGUMENTS))
            visitor = Visitor(browser, program)
            _shoot(visitor, hub, program, models)
            visitor.leave()
    finally:
        program.stop()
        hub.stop()
    shutil.rmtree(folder)
    total = sum(path.stat().st_size for path in TARGET.glob("*.png"))
    print(f"{len(list(TARGET.glob('*.png')))} pictures in {TARGET}, {total / 1e6:.1f} MB")


def _convert(program: Program) -> tuple[Path, ...]:
    """Fill the library: 8 bit and 4 bit of the model."""
    with Workspace(home=program.home) as workspace:
        folders = tuple(program.models / f"{NAME}-MLX-{preset}" for preset in ("8bit", "4bit"))
        request = ConvertRequest(ref=REPO, preset=("8bit", "4bit"), output=folders)
        return tuple(model.path for model in workspace.convert(request).result().models)


def _talk(program: Program, model: Path) -> None:
    """Keep a conversation with real answers, and an older one."""
    with Workspace(home=program.home) as workspace, workspace.open(model) as session:
        settings = ChatSettings(temperature=0.0, max_tokens=60, system=SYSTEM)
        for questions in (("Write a haiku about programming.",), QUESTIONS):
            conversation = workspace.conversations.create(model, settings)
            for question in questions:
                conversation = conversation.with_message("user", question)
                answer = session.generate(conversation.request()).result()
                conversation = conversation.with_message("assistant", answer.text, figures_of(answer))
            workspace.conversations.save(conversation)


def _shoot(visitor: Visitor, hub: Hub, program: Program, models: tuple[Path, ...]) -> None:
    pages: dict[str, tuple[str, Callable[[Page], None]]] = {
        "test": (f"/test?model={models[0]}", _ask),
        "chat": ("/chat", _open_conversation),
        "compare": ("/compare", _compare),
        "library": ("/library", lambda page: expect(page.get_by_role("row")).to_have_count(3)),
        "find": (f"/find?ref={REPO}", lambda page: expect(page.get_by_text("Supported")).to_be_visible()),
        "plugins": ("/plugins", lambda page: None),
        "settings": ("/settings", lambda page: None),
        "upload": ("/library", _upload),
    }
    page = visitor.open("/library")
    page.get_by_role("button", name="Don't show this again").click()
    page.context.close()
    for name, (path, prepare) in pages.items():
        for theme in THEMES:
            page = visitor.open(path, theme=theme, width=SIZE[0], height=SIZE[1], device_scale_factor=2)
            prepare(page)
            _take(page, name, theme)
            page.context.close()
    _shoot_convert(visitor)
    _shoot_running(visitor, hub)


def _shoot_convert(visitor: Visitor) -> None:
    """The Convert page with a model described, at the precision that is recommended."""
    for theme in THEMES:
        page = _convert_page(visitor, theme)
        source_field(page).fill(REPO)
        choose(page, "8-bit")
        page.get_by_label("Name", exact=True).fill("SmolLM2-135M-8bit")
        expect(page.get_by_text("already exists")).to_have_count(0)
        expect(page.get_by_text("Memory to convert")).to_be_visible()
        expect(page.locator(".option-size", has_text="≈")).to_have_count(0)
        _take(page, "convert", theme)
        page.context.close()


def _shoot_running(visitor: Visitor, hub: Hub) -> None:
    """The same page with a conversion that downloads, and the queue behind it."""
    _slow(hub, 6 << 20)
    page = _convert_page(visitor, "light")
    page.get_by_label("Name", exact=True).fill(f"{NAME}-fresh")
    expect(start_button(page)).to_be_enabled()
    start_button(page).click()
    expect(job(page, f"{NAME}-fresh").get_by_text(re.compile(r"^[3-9]\d% .* left$"))).to_be_visible()
    page.context.close()
    for theme in THEMES:
        page = _convert_page(visitor, theme)
        expect(job(page, f"{NAME}-fresh")).to_contain_text("left")
        _take(page, "running", theme)
        page.context.close()
    page = _convert_page(visitor, "light")
    job(page, f"{NAME}-fresh").get_by_role("button", name="Cancel").click()
    expect(job(page, f"{NAME}-fresh")).to_contain_text("Cancelled")
    page.context.close()
    _shoot_queue(visitor, hub)


def _shoot_queue(visitor: Visitor, hub: Hub) -> None:
    """The queue, while its first model goes on downloading where the cancelled conversion left off."""
    hub.faults.clear()
    _slow(hub, 1 << 19)
    page = visitor.open("/queue")
    for presets in QUEUE:
        page.get_by_role("textbox", name="Models").fill(REPO)
        _choose_presets(page, presets)
        page.get_by_role("button", name="Add to queue").click()
        expect(page.get_by_role("textbox", name="Models")).to_have_value("")
    expect(page.locator(".queue-about", has_text="left")).to_be_visible()
    page.context.close()
    for theme in THEMES:
        page = visitor.open("/queue", theme=theme, device_scale_factor=2)
        expect(page.locator(".queue-about", has_text="left")).to_be_visible()
        _take(page, "queue", theme)
        page.context.close()


def _slow(hub: Hub, rate: int) -> None:
    hub.fault("slow", path="safetensors", origin="cdn", times=None, rate=rate)


def _choose_presets(page: Page, names: tuple[str, ...]) -> None:
    """Tick exactly these in the list."""
    page.get_by_role("combobox", name="Presets").click()
    options = page.get_by_role("option")
    expect(options.first).to_be_visible()
    for option in options.all():
        wanted = any(re.sub(r"\W", "", option.inner_text().lower()).startswith(name.replace("_", "")) for name in names)
        if wanted != (option.get_attribute("aria-selected") == "true"):
            option.click()
    page.keyboard.press("Escape")


def _convert_page(visitor: Visitor, theme: str) -> Page:
    return visitor.open("/", theme=theme, width=SIZE[0], height=SIZE[1], device_scale_factor=2)


def _ask(page: Page) -> None:
    if not asking.answer(page).get_by_text("First token after").is_visible():
        page.get_by_label("Temperature", exact=True).fill("0")
        asking.ask(page, QUESTIONS[0])
    asking.finished(page)


def _open_conversation(page: Page) -> None:
    page.get_by_role("link", name=re.compile("What is the capital of France")).click()
    alive(page)
    expect(page.get_by_role("article").last).to_contain_text(re.compile("tokens/s"))


def _compare(page: Page) -> None:
    if not page.locator(".compare-place").get_by_text(re.compile("tokens/s")).count():
        page.get_by_role("heading", name="Settings").click()
        page.get_by_label("Temperature", exact=True).fill("0")
        page.get_by_label("Max tokens", exact=True).fill("50")
        page.get_by_role("heading", name="Settings").click()
        page.get_by_role("textbox", name="Prompt", exact=True).fill(QUESTIONS[0])
        page.get_by_role("button", name="Compare", exact=True).click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_visible()
    expect(page.locator(".compare-place").get_by_text(re.compile("tokens/s"))).not_to_have_count(0)


def _upload(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Upload ")).first.click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Upload", exact=True)).to_be_visible()
    expect(page.get_by_text("Checking …")).to_have_count(0)


def _take(page: Page, name: str, theme: str) -> None:
    """One picture, reduced to a palette: these pages have few colours."""
    path = TARGET / f"{name}-{theme}.png"
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path, animations="disabled")
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
