"""Copies of files that take no space where the disk can share blocks: APFS, Btrfs, XFS."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mlx_convert_core.plugin import check_regular, open_regular

BLOCK = 1 << 22
_FICLONE = 0x40049409  # linux/fs.h
_NO_FOLLOW = 1  # CLONE_NOFOLLOW of sys/clonefile.h


def copy(source: Path, target: Path, moved: Callable[[int], None], *, within: Path) -> None:
    """Make ``target`` the same as ``source``, a regular file in the folder ``within``; ``moved`` is called with each
    number of bytes, and may raise. Raises what `open_regular` raises."""
    size = check_regular(source, within=within).st_size
    if cloned(source.resolve(), target):
        moved(size)
        return
    with open_regular(source, within=within) as reading, target.open("wb", buffering=0) as writing:
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
    return int(system.clonefile(os.fsencode(source), os.fsencode(target), _NO_FOLLOW)) == 0


def _clone_linux(source: Path, target: Path) -> bool:
    import fcntl

    with open_regular(source, within=source.parent) as reading, target.open("wb") as writing:
        fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
    return True
