"""Bytes on the disk itself, not only on their way there."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_FULL = getattr(fcntl, "F_FULLFSYNC", None)  # on a Mac fsync leaves the bytes in the drive's own memory (man 2 fsync)


def flush(written: int | Path) -> None:
    """Wait until the drive has what was written to a file or folder: an open one, or a path. Raises OSError."""
    if isinstance(written, Path):
        handle = os.open(written, os.O_RDONLY)
        try:
            flush(handle)
        finally:
            os.close(handle)
        return
    if _FULL is not None:
        try:
            fcntl.fcntl(written, _FULL)
            return
        except OSError:
            pass  # a disk that knows no such command: SMB, some exFAT
    os.fsync(written)
