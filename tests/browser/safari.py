"""What only Safari shows: every page opens, and what is copied is on the clipboard. Run by .github/workflows/mac.yml.

Playwright has no Safari; selenium drives it, once `sudo safaridriver --enable` has been said:
``python tests/browser/safari.py``. On Linux ``webkitgtk`` after it takes Safari's engine (Debian: webkit2gtk-driver, in
xvfb-run), ``chrome`` a Chrome with its driver, to try the script itself.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from browser import chromium
from browser.models import scripted_model
from browser.program import Program
from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.testing import write_tiny_checkpoint

PAGES = ("/", "/test", "/chat", "/compare", "/library", "/queue", "/plugins", "/settings")
SECONDS = 60.0
SAID = "Roses are red."


def main(browser: str) -> None:
    """Start the program and the browser, look at every page, copy an answer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = Program(folder / "program", "scripted")
        model = scripted_model(_converted(folder), program.work / "poet", [SAID])
        program.start()
        driver = {"safari": webdriver.Safari, "chrome": _chrome, "webkitgtk": _webkitgtk}[browser]()
        try:
            _look_at_pages(driver, program)
            _copy_an_answer(driver, program, model)
        finally:
            driver.quit()
            program.stop()
    print("All pages open, and copying copies.")


def _converted(folder: Path) -> Path:
    source = write_tiny_checkpoint(folder / "tiny")
    with Workspace(home=folder / "home") as workspace:
        return workspace.convert(ConvertRequest(ref=str(source), preset="8bit", output=folder / "model")).result().path


def _chrome() -> Any:
    options = webdriver.ChromeOptions()
    options.binary_location = chromium.executable()
    for argument in ("--headless=new", "--no-sandbox", *chromium.ARGUMENTS):
        options.add_argument(argument)
    return webdriver.Chrome(options=options)


def _webkitgtk() -> Any:
    options = webdriver.WebKitGTKOptions()
    options.binary_location = str(next(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")))
    options.add_argument("--automation")
    service = webdriver.webkitgtk.service.Service(str(shutil.which("WebKitWebDriver")))
    return webdriver.WebKitGTK(options=options, service=service)


def _look_at_pages(driver: Any, program: Program) -> None:
    driver.get(program.url)
    for path in PAGES:
        driver.get(f"{program.origin}{path}")
        _until(driver, lambda: driver.execute_script("return Boolean(window.socket?.connected)"))
        assert driver.find_element(By.TAG_NAME, "h1").text, path


def _copy_an_answer(driver: Any, program: Program, model: Path) -> None:
    driver.get(f"{program.origin}/test?model={model}")
    _until(driver, lambda: driver.execute_script("return Boolean(window.socket?.connected)"))
    _button(driver, "Generate").click()
    _until(driver, lambda: driver.find_elements(By.CSS_SELECTOR, "button[aria-label='Copy the answer']"))
    driver.find_element(By.CSS_SELECTOR, "button[aria-label='Copy the answer']").click()
    _until(driver, lambda: "Answer copied" in driver.find_element(By.TAG_NAME, "body").text)
    prompt = driver.find_element(By.TAG_NAME, "textarea")
    key = Keys.COMMAND if sys.platform == "darwin" else Keys.CONTROL
    prompt.send_keys(key, "a")
    prompt.send_keys(key, "v")
    _until(driver, lambda: prompt.get_attribute("value") == SAID)


def _button(driver: Any, text: str) -> Any:
    return driver.find_element(By.XPATH, f"//button[normalize-space()='{text}']")


def _until(driver: Any, true: Callable[[], object]) -> None:
    WebDriverWait(driver, SECONDS).until(lambda _: true())


if __name__ == "__main__":
    main(*sys.argv[1:] or ["safari"])
