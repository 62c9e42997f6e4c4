"""Safari's engine: Safari itself on a Mac, WebKitGTK elsewhere. Playwright drives neither; selenium does.

Safari is taken where ``SAFARI`` is set, once ``sudo safaridriver --enable`` has been said: its windows would be in the
way of who only runs the tests. WebKitGTK (Debian: webkit2gtk-driver) draws on a screen of its own (Debian: xvfb).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_DRIVER = "WebKitWebDriver"
_SCREEN = "Xvfb"
_BROWSER = "*/webkit2gtk-4.*/MiniBrowser"
_LIBRARIES = Path("/usr/lib")
SAFARI = sys.platform == "darwin" and "SAFARI" in os.environ


def missing() -> str:
    """Why neither can be driven here; empty where one can."""
    if find_spec("selenium") is None:
        return "selenium is not installed"
    if sys.platform == "darwin":
        return "" if SAFARI else "SAFARI is not set"
    lacking = [name for name in (_DRIVER, _SCREEN) if not shutil.which(name)]
    if not lacking and _browser() is None:
        lacking = ["MiniBrowser"]
    return f"{' and '.join(lacking)} not found (webkit2gtk-driver, xvfb)" if lacking else ""


@contextmanager
def driven(home: Path) -> Iterator[Any]:
    """Start it, with ``home`` for what it saves; downloads of WebKitGTK go to ``home``/Downloads."""
    from selenium import webdriver

    if SAFARI:
        driver = webdriver.Safari()
        try:
            yield driver
        finally:
            driver.quit()
        return
    downloads = home / "Downloads"
    downloads.mkdir(parents=True)
    (home / "user-dirs.dirs").write_text(f'XDG_DOWNLOAD_DIR="{downloads}"\n', encoding="utf-8")
    options = webdriver.WebKitGTKOptions()
    options.binary_location = str(_browser())
    options.add_argument("--automation")
    with _screen() as display:
        environment = {**os.environ, "DISPLAY": display, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        service = webdriver.webkitgtk.service.Service(str(shutil.which(_DRIVER)), env=environment)
        driver = webdriver.WebKitGTK(options=options, service=service)
        try:
            yield driver
        finally:
            driver.quit()


def _browser() -> Path | None:
    return max(_LIBRARIES.glob(_BROWSER), default=None)


@contextmanager
def _screen() -> Iterator[str]:
    """Start a screen that nobody sees; it chooses a free number and says it once it can be drawn on."""
    reading, writing = os.pipe()
    command = (_SCREEN, "-displayfd", str(writing), "-screen", "0", "1400x1000x24", "-nolisten", "tcp")
    with subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL) as process:
        os.close(writing)
        with os.fdopen(reading) as said:
            number = said.readline().strip()
        try:
            assert number, f"{_SCREEN} did not start"
            yield f":{number}"
        finally:
            process.terminate()
