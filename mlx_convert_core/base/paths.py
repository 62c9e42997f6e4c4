"""Paths as people type them, and names that can be written down."""

from __future__ import annotations

import sys
from pathlib import Path

from mlx_convert_core.errors import InvalidRequest

MAX_NAME = 255  # of a file or folder, on every file system in use
MAX_PATH = 1023 if sys.platform == "darwin" else 4095


def expanded(path: str | Path) -> Path:
    """``path`` with ``~`` and ``~user`` filled in.

    Raises InvalidRequest when there is no such user (code ``path``), and what `spelled` raises.
    """
    try:
        return spelled(Path(path).expanduser())
    except RuntimeError:
        raise InvalidRequest(
            f"{path} can't be found: there is no user '{Path(path).parts[0].removeprefix('~')}' on this machine.",
            hint="Write ~/ for your own home folder, or ./ before a name that begins with ~.",
            code="path",
        ) from None


def spelled(path: Path, *, room: int = 0) -> Path:
    """``path``, when every name in it is text, and no longer than a system takes.

    ``room`` is what the last name is to be lengthened by, in bytes. Raises InvalidRequest (codes ``name_not_utf8``,
    ``name_too_long``, ``path``). A system may keep names in any bytes, but only those in UTF-8 can be written into
    JSON, a record or a queue.
    """
    if "\0" in str(path):
        raise InvalidRequest("a path can't hold a NUL character.", hint="Type it again.", code="path")
    for place in (*reversed(path.parents), path):
        if not is_text(place.name):
            raise InvalidRequest(
                f"the name '{in_text(place.name)}' in {in_text(str(place.parent))} is not UTF-8.",
                hint="Rename it with plain letters, and try again.",
                code="name_not_utf8",
            )
        if _length(place.name) > MAX_NAME - (room if place is path else 0):
            raise _too_long(place.name, f"{_length(place.name)} of {MAX_NAME - (room if place is path else 0)}")
    if len(str(path).encode()) > MAX_PATH:
        raise _too_long(str(path), f"{len(str(path).encode())} of {MAX_PATH}")
    return path


def _length(name: str) -> int:
    """Apple's file systems count characters, others bytes."""
    return len(name if sys.platform == "darwin" else name.encode())


def _too_long(name: str, of: str) -> InvalidRequest:
    return InvalidRequest(
        f"the name {name[:40]}… is too long: {of} bytes that fit.",
        hint="Choose a shorter one.",
        code="name_too_long",
    )


def is_text(name: str) -> bool:
    """Whether ``name`` can be encoded: it has no half of a surrogate pair, in which Python keeps strange bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def in_text(name: str) -> str:
    r"""``name`` with whatever can't be encoded written out: ``\xfc`` for the byte FC."""
    if is_text(name):
        return name
    return "".join(mark if is_text(mark) else _written_out(ord(mark)) for mark in name)


def _written_out(code: int) -> str:
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
