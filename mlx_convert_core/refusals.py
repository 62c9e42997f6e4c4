"""What the system refuses, in words: a table from its error numbers to a code, a sentence and the next step.

A full disk, a share that has gone or a limit of the account is nobody's defect; whoever is nearest to it may say more.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mlx_convert_core.remedies import Remedies, RunElsewhere

_HOME = "MLX_CONVERT_HOME=FOLDER moves what mlx-convert keeps."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code, what happened and the next step."""

    code: str
    message: str
    hint: str
    remedies: Remedies = ()


def _for(refusal: Refusal, *names: str) -> Iterable[tuple[int, Refusal]]:
    """``refusal`` for each of the error numbers ``names`` that this system has."""
    return [(getattr(errno, name), refusal) for name in names if hasattr(errno, name)]


_OWNER = f"Check who owns it. {_HOME}"
_ROOM = f"Free some space. {_HOME}"
_FILES_OF_4_GB = (
    "A disk formatted as FAT32 holds files up to 4 GB: choose one that is APFS or exFAT. "
    "The account may have a limit of its own, too."
)
_AGAIN = "Look whether it is connected, and try again."
_LIMIT = "Close other programs, or raise the limit first."
# The message is what is said after the path's name.
_TABLE: dict[int, Refusal] = dict(
    [
        *_for(Refusal("file", "permission is denied", _OWNER), "EACCES", "EPERM"),
        *_for(Refusal("file", "its disk can only be read", f"Choose another disk. {_HOME}"), "EROFS"),
        *_for(Refusal("file", "a part of its path is a file, not a folder", f"Check the path. {_HOME}"), "ENOTDIR"),
        *_for(Refusal("file", "it is a folder, not a file", "Check the path."), "EISDIR"),
        *_for(Refusal("file", "its links lead in a circle", "Remove the link, or name the folder itself."), "ELOOP"),
        *_for(Refusal("file", "it is not there, or not any more", "Check the path, and try again."), "ENOENT"),
        *_for(Refusal("file", "another program uses it", "End that program, and try again."), "ETXTBSY", "EBUSY"),
        *_for(Refusal("name_too_long", "its name is too long", "Choose a shorter one."), "ENAMETOOLONG"),
        *_for(Refusal("disk_full", "the disk is full", _ROOM), "ENOSPC"),
        *_for(Refusal("disk_full", "your share of the disk (the quota) is used up", _ROOM), "EDQUOT"),
        *_for(
            Refusal("file_too_large", "its disk, or a limit of this account, takes no file so large", _FILES_OF_4_GB),
            "EFBIG",
        ),
        *_for(
            Refusal("disk_fault", "the disk reports a fault", "Save what matters from it, and have it checked."), "EIO"
        ),
        *_for(
            Refusal("disk_gone", "the disk or network share does not answer any more", _AGAIN),
            *("ESTALE", "ENOTCONN", "ENODEV", "ENXIO", "EHOSTDOWN"),
        ),
        *_for(
            Refusal("open_files", "too many files are open", _LIMIT, (RunElsewhere("ulimit -n 4096"),)),
            "EMFILE",
            "ENFILE",
        ),
        *_for(Refusal("processes", "no further process can be started", "Close other programs."), "EAGAIN"),
    ]
)
_NO_MEMORY = Refusal(
    "out_of_memory",
    "there was not enough memory.",
    "Close other programs and try again, or use a machine with more memory.",
)
# How memory that ran out is told where no MemoryError comes: the loader of libraries, OpenBLAS, mlx's allocators.
_MEMORY_WORDS = (
    "Cannot allocate memory",
    "Memory allocation still failed",
    "MemoryError",
    "Unable to allocate",
    "bad_alloc",
    "failed to map segment",
)


def system_refusal(error: BaseException) -> Refusal | None:
    """What the system refused, if ``error`` is about that; None for a defect."""
    lock = getattr(error, "lock_file", "")  # filelock.Timeout
    if lock:
        return Refusal(
            "locked", f"another process keeps {lock} locked.", "End it, or remove that file if there is none."
        )
    if isinstance(error, MemoryError) or no_memory(str(error)):
        return _NO_MEMORY
    if isinstance(error, OSError):
        return _of_number(error)
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):  # pathlib, before Python 3.13
        return Refusal("file", f"{error}.", "Remove the link, or name the folder itself.")
    return None


def no_memory(text: str) -> bool:
    """Whether ``text``, a message or the end of a log, says that memory ran out."""
    return any(words in text for words in _MEMORY_WORDS)


def _of_number(error: OSError) -> Refusal | None:
    if error.filename is None and "temporary directory" in str(error):  # tempfile has tried every usual place
        return Refusal("temporary", f"{error.strerror}.", "Make room there, or name another folder: TMPDIR=FOLDER")
    if error.errno == errno.ENOMEM:
        return _NO_MEMORY
    row = _TABLE.get(error.errno or 0)
    if row is None or (error.filename is None and error.errno == errno.ENOENT):
        return None
    told = f"can't use {error.filename}: {row.message}." if error.filename else f"{row.message}."
    return replace(row, message=told)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let what the system refuses in the body name ``path``: it does so only when a file is opened."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise
