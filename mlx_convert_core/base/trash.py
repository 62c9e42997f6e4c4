"""The Trash, where a Mac keeps what a person deletes until that person empties it.

On Linux nothing goes there: a freedesktop Trash is of the desktop, and these are often servers, where nobody would
ever empty it of models.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def has_trash() -> bool:
    """Whether this system has a Trash that `move_to_trash` knows."""
    return sys.platform == "darwin"


def move_to_trash(path: Path) -> None:
    """Move ``path`` to the Trash of its disk, as the Finder does; raises OSError, also for a disk that has none."""
    foundation = importlib.import_module("Foundation")  # pyobjc; there is no such module elsewhere
    address = foundation.NSURL.fileURLWithPath_(str(path))
    manager = foundation.NSFileManager.defaultManager()
    moved, _, problem = manager.trashItemAtURL_resultingItemURL_error_(address, None, None)
    if not moved:
        raise OSError(str(problem.localizedDescription() if problem else "the Trash did not take it"))
