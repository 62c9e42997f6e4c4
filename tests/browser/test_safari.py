"""The pages in Safari's engine: most people's browser on a Mac, and what draws the app's own window there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from browser import webkit
from browser.models import scripted_model, shelve
from browser.program import Program

pytestmark = [
    pytest.mark.skipif(bool(webkit.missing()), reason=f"needs Safari's engine: {webkit.missing()}"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:selenium.*"),  # what it does to itself
]

PLUGINS = ("scripted",)
PAGES = ("/", "/test", "/chat", "/compare", "/library", "/queue", "/plugins", "/settings")
SIZES = ((1280, 860), (560, 800))  # a window, and one beside another
SECONDS = 60.0
SAID = "Roses are red:\n\n```\nred = 1\n```"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the browser a home of its own."""
    return tmp_path_factory.mktemp("safari")


@pytest.fixture(scope="module")
def driver(program: Program, place: Path) -> Iterator[Any]:
    """Start the browser, and let it in by the printed address."""
    with webkit.driven(place) as driver:
        driver.get(program.url)
        yield driver


@pytest.fixture(scope="module")
def poet(program: Program, tiny_model: Path) -> Path:
    """Give the program a model that says one thing."""
    model = scripted_model(tiny_model, program.work / "poet", [SAID])
    shelve(program.home, model)
    return model


def test_the_key_in_the_address_becomes_a_cookie_that_no_script_reads(driver: Any, program: Program) -> None:
    visit(driver, program, "/")
    assert "token" not in driver.current_url
    assert driver.execute_script("return document.cookie") == ""
    without = driver.execute_async_script(
        "const done = arguments[0]; fetch(location.href, { credentials: 'omit' }).then((answer) => done(answer.status))"
    )
    assert without == 401


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_and_is_no_wider_than_its_window(driver: Any, program: Program, poet: Path, path: str) -> None:
    visit(driver, program, path)
    for width, height in SIZES:
        driver.set_window_size(width, height)
        until(driver, lambda width=width: driver.execute_script("return window.innerWidth") <= width)
        assert one(driver, "h1").text
        sideways = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        assert sideways <= 0, f"{path} is {sideways} px wider than a window of {width}"


def test_an_answer_and_its_code_are_on_the_clipboard(driver: Any, program: Program, poet: Path) -> None:
    visit(driver, program, f"/test?model={quote(str(poet))}")
    one(driver, "textarea").send_keys("Colours?")
    button(driver, "Generate").click()
    one(driver, "button[aria-label='Copy the answer']").click()
    until(driver, lambda: "Answer copied" in one(driver, "body").text)
    assert pasted(driver) == SAID
    one(driver, "button[aria-label='Copy this code']").click()
    until(driver, lambda: pasted(driver).strip() == "red = 1")


@pytest.mark.skipif(webkit.SAFARI, reason="Safari asks a person about the first download of a site")
def test_a_recipe_is_downloaded(driver: Any, program: Program, poet: Path, place: Path) -> None:
    visit(driver, program, "/library")
    one(driver, "button[aria-label^='More']").click()
    until(driver, lambda: driver.find_elements("xpath", "//*[normalize-space()='Export recipe']"))
    driver.find_element("xpath", "//*[normalize-space()='Export recipe']").click()
    saved = place / "Downloads"
    until(driver, lambda: list(saved.glob("*.json")))
    (file,) = saved.glob("*.json")
    assert json.loads(file.read_text(encoding="utf-8"))["outputs"][0]["preset"] == "8bit"


def visit(driver: Any, program: Program, path: str) -> None:
    """Open a page, and wait until it is alive."""
    driver.get(f"{program.origin}{path}")
    until(driver, lambda: driver.execute_script("return Boolean(window.socket?.connected)"))


def one(driver: Any, selector: str) -> Any:
    """The first element, once it is there."""
    until(driver, lambda: driver.find_elements("css selector", selector))
    return driver.find_element("css selector", selector)


def button(driver: Any, text: str) -> Any:
    """The button that says ``text``."""
    return driver.find_element("xpath", f"//button[normalize-space()='{text}']")


def pasted(driver: Any) -> str:
    """What the clipboard holds, as the prompt takes it."""
    prompt = one(driver, "textarea")
    key = "\ue03d" if sys.platform == "darwin" else "\ue009"  # command, control
    prompt.send_keys(key, "a")
    prompt.send_keys(key, "v")
    return str(prompt.get_attribute("value"))


def until(driver: Any, true: Callable[[], object]) -> None:
    """Wait for it."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, SECONDS, poll_frequency=0.05).until(lambda _: true())
