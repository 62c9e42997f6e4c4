"""A tab of the person's own browser."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser


def open_tab(url: str) -> None:
    """Show ``url``, which holds a key that works once; returns when the browser was told.

    Browsers are told by argument lists, which everybody on this machine can read. On a Mac it goes through a pipe, and
    elsewhere the key is no use to others: see `Keys.try_start`.
    """
    if sys.platform == "darwin" and "BROWSER" not in os.environ:
        script = f'open location "{url}"'
        subprocess.run(["/usr/bin/osascript", "-"], input=script, text=True, capture_output=True, check=False)
    else:
        webbrowser.open(url)
