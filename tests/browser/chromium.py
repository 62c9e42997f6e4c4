"""Where the browser is: any Chromium or Chrome of this machine will do."""

from __future__ import annotations

import os
import shutil
import sys

_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# No name but one resolves, so that nothing can leave this machine, whatever a page or the browser itself would like.
ARGUMENTS = (
    "--no-proxy-server",
    "--host-resolver-rules=MAP rebound.test 127.0.0.1 , MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
_HELP = "install Google Chrome" if sys.platform == "darwin" else "sudo apt-get install chromium"


def executable() -> str:
    """The browser's path; ``CHROMIUM`` in the environment names another. Raises RuntimeError with the next step."""
    named = os.environ.get("CHROMIUM")
    candidates = [named] if named else [*map(shutil.which, _COMMANDS), *_MAC]
    for path in candidates:
        if path and os.access(path, os.X_OK):
            return path
    asked = f"CHROMIUM={named} can't be run" if named else "no Chromium or Chrome was found"
    raise RuntimeError(f"The browser tests need a browser, and {asked}.\n  next: {_HELP}   (or set CHROMIUM=PATH)")
