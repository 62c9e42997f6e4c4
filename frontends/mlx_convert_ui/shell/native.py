"""The app in a window of its own, with pywebview (the optional extra ``native``)."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import threading
from collections.abc import Callable

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import install_command, python_command, python_environment

# pywebview lets nobody select text or save a file unless it is told to.
_WINDOW = """
import sys, webview
webview.settings["ALLOW_DOWNLOADS"] = True
size = {"width": 1280, "height": 860, "min_size": (390, 560)}
webview.create_window("MLX Convert", sys.stdin.readline(), text_select=True, **size)
webview.start()
"""


def require() -> None:
    """Raise MlxConvertError (code ``no_native``) unless pywebview is installed."""
    if importlib.util.find_spec("webview") is None:
        raise MlxConvertError(
            "a window of its own needs pywebview, which is not installed.",
            hint=f"Run: {install_command('pywebview')}. Or leave --native out to use the browser.",
            code="no_native",
        )


class Window:
    """A window in a process of its own; ``closed`` is called, on a thread, when a person closes it.

    ``url`` holds a key, and everybody on this machine can read argument lists: it goes through a pipe.
    """

    def __init__(self, url: str, closed: Callable[[], None]) -> None:
        self._process = subprocess.Popen(
            python_command("-c", _WINDOW),
            env=python_environment(),
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:  # it may end before it has read
            pipe.write(url)
        threading.Thread(target=self._wait, args=(closed,), name="window", daemon=True).start()

    def close(self) -> None:
        """Close it, if nobody did."""
        if self._process.poll() is None:
            self._process.terminate()

    def _wait(self, closed: Callable[[], None]) -> None:
        self._process.wait()
        closed()
