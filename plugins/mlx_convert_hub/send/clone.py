"""Copies of files that take no space where the disk can share blocks: APFS, Btrfs, XFS."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

BLOCK = 1 << 22
_FICLONE = 0x40049409  # linux/fs.h


def copy(source: Path, target: Path, moved: Callable[[int], None]) -> None:
    """Make ``target`` the same as ``source``; ``moved`` is called with each number of bytes, and may raise."""
    if cloned(source, target):
        moved(source.stat().st_size)
        return
    with source.open("rb", buffering=0) as reading, target.open("wb", buffering=0) as writing:
        while block := reading.read(BLOCK):
            view = memoryview(block)
            while view:
                view = view[writing.write(view) :]
            moved(len(block))


def cloned(source: Path, target: Path) -> bool:
    """Make ``target``, which is not there yet, share the blocks of ``source``; False where the disk can't."""
    try:
        return _clone_mac(source, target) if sys.platform == "darwin" else _clone_linux(source, target)
    except (OSError, AttributeError):
        target.unlink(missing_ok=True)
        return False


def _clone_mac(source: Path, target: Path) -> bool:
    system = ctypes.CDLL(None, use_errno=True)
    return int(system.clonefile(os.fsencode(source.resolve()), os.fsencode(target), 0)) == 0


def _clone_linux(source: Path, target: Path) -> bool:
    import fcntl

    with source.open("rb") as reading, target.open("wb") as writing:
        fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
    return True
