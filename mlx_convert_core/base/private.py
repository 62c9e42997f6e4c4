"""Folders that are for their owner's eyes: conversations, what was converted, and where it lies."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

FILE_MODE = 0o600
_FOLDER_MODE = 0o700


def private_folder(folder: Path) -> Path:
    """``folder``, made if it is missing: it, and what is missing above it, for the owner only. Raises OSError.

    One that is there already stays as it is: somebody may share it on purpose. `readable_by_others` tells.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            place.mkdir(mode=_FOLDER_MODE)
    folder.mkdir(exist_ok=True)  # raises when it is a file
    return folder


def readable_by_others(folder: Path) -> bool:
    """Whether ``folder`` is there, ours, and others on this machine may look into it."""
    try:
        seen = folder.stat()
    except OSError:
        return False
    return seen.st_uid == os.getuid() and bool(stat.S_IMODE(seen.st_mode) & 0o077)


def close_folder(folder: Path) -> None:
    """Let only its owner look into ``folder``, if it is ours."""
    if readable_by_others(folder):
        folder.chmod(_FOLDER_MODE)
