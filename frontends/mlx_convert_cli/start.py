"""The program `mlx-convert`: what must be so before anything else is imported, and until the last moment.

A Ctrl-C leaves with 130 and without a traceback, also while Python still imports or already takes itself down.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from types import FrameType

CANCELLED = 130


def main() -> None:
    """Run the command line."""
    os.environ["PYTHONSAFEPATH"] = "1"  # libraries start Pythons of their own: none may import from the current folder
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not so in the background of a script
    if hears:
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # runs last: the outcome stands by then
        signal.signal(signal.SIGINT, _leave)
    try:
        from mlx_convert_cli.main import main as program

        if hears:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        program()
    except KeyboardInterrupt:
        sys.exit(CANCELLED)
    finally:
        if hears:
            signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: there is nothing to clean up yet, or any more."""
    os._exit(CANCELLED)
