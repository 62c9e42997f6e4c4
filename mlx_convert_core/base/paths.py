"""Paths as people type them, and names that can be written down."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core.errors import InvalidRequest


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


def spelled(path: Path) -> Path:
    """``path``, when every name in it is text; raises InvalidRequest (code ``name_not_utf8``) where one is not.

    A system may keep names in any bytes. Only those in UTF-8 can be written into JSON, a record or a queue.
    """
    for place in (*reversed(path.parents), path):
        if not is_text(place.name):
            raise InvalidRequest(
                f"the name '{in_text(place.name)}' in {in_text(str(place.parent))} is not UTF-8.",
                hint="Rename it, with letters that your terminal shows, and run this again.",
                code="name_not_utf8",
            )
    return path


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
