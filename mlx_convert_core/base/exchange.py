"""Two paths change places in one step, where the system and the file system can do that."""

from __future__ import annotations

import os
import sys
from errno import EEXIST, EINVAL, ENOSYS, ENOTEMPTY, ENOTSUP
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # Linux: renameat2(2)
_RENAME_SWAP = 2  # macOS: renamex_np(2)
# An old kernel, or a file system that can't; the last two: one that does not look at the wish and tries to rename.
_UNKNOWN = {ENOSYS, EINVAL, ENOTSUP, ENOTEMPTY, EEXIST}


def exchange(one: Path, other: Path) -> bool:
    """Let two paths of one file system change places, so that neither is ever missing; False where that can't be done.

    Raises OSError for anything else that stands in the way.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            failed = libc.renamex_np(*paths, ctypes.c_uint(_RENAME_SWAP))
        else:
            failed = libc.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], ctypes.c_uint(_RENAME_EXCHANGE))
    except AttributeError:  # a C library from before it
        return False
    if not failed:
        return True
    error = ctypes.get_errno()
    if error in _UNKNOWN:
        return False
    raise OSError(error, os.strerror(error), str(one), None, str(other))
