"""Bytes on the disk itself, not only on their way there."""

from __future__ import annotations

import fcntl
import os

_FULL = getattr(fcntl, "F_FULLFSYNC", None)  # on a Mac fsync leaves the bytes in the drive's own memory (man 2 fsync)


def flush(handle: int) -> None:
    """Wait until the drive has what was written to the open file or folder ``handle``. Raises OSError."""
    if _FULL is not None:
        try:
            fcntl.fcntl(handle, _FULL)
            return
        except OSError:
            pass  # a disk that knows no such command: SMB, some exFAT
    os.fsync(handle)
