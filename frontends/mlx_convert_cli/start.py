"""The program `mlx-convert`: what must be so before anything else is imported, and until the last moment.

A Ctrl-C leaves with 130 and without a traceback, also while Python still imports or already takes itself down.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from types import FrameType

CANCELLED = 130


def main() -> None:
    """Run the command line."""
    # What a command imports and makes stays until its end: looking through it for circles of garbage every 700 objects,
    # and once more when Python takes itself down, was a fifth of the time of a short command. A library of ten thousand
    # models is a hundred thousand objects.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
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
