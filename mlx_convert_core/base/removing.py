"""Remove a folder with all that is in it, also where the system takes a hand in that."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path


def remove_tree(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; one that is gone already does no harm.

    On a disk with ``._`` files a Mac removes ``._name`` together with ``name``, so that `shutil.rmtree` of Python 3.12
    and older stops at a file that it has listed and does not find. Raises OSError for what the system refuses.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        if os.path.lexists(path):
            shutil.rmtree(path)  # says what stands in the way
        return
    with suppress(FileNotFoundError):
        path.unlink()
