"""Keep a Mac from going to sleep while something long runs; the display may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

KEEPER = "caffeinate" if sys.platform == "darwin" else ""  # part of macOS; servers don't go to sleep


@contextmanager
def awake() -> Iterator[None]:
    """Have the system stay awake during the body. Without `caffeinate` it does what it does.

    ``-w`` ends it together with this process, however that ends; it is of a session of its own, so that Ctrl-C, which
    only asks a job to end, leaves it alone.
    """
    found = shutil.which(KEEPER) if KEEPER else None
    if found is None:
        yield
        return
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [found, "-i", "-w", str(os.getpid())], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()
