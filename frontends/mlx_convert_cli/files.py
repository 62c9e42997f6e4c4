"""Text files that a person names: read and written, with errors in words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mlx_convert_core import InvalidRequest
from mlx_convert_core.plugin import (
    HOME_BYTES,
    TYPED_BYTES,
    CorruptCheckpoint,
    RepoNotFound,
    is_text,
    read_regular,
    units,
)


def read_text(path: Path) -> str:
    """What is in ``path``. Raises RepoNotFound (code ``no_file``), InvalidRequest (code ``not_text``, and
    for a pipe, a device or a file that is too big)."""
    try:
        return read_regular(path, HOME_BYTES, within=None).decode()
    except CorruptCheckpoint as error:
        raise InvalidRequest(error.message, hint=error.hint, remedies=error.remedies, code=error.code) from None
    except OSError as error:
        raise RepoNotFound(f"can't read {path}: {error.strerror}.", hint="Check the path.", code="no_file") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path} is no text file.", hint="Check the path.", code="not_text") from None


def read_input() -> str:
    """What is piped in, or typed; raises InvalidRequest (codes ``too_big``, ``not_text``)."""
    written = _as_text(lambda: sys.stdin.read(TYPED_BYTES + 1))
    if len(written) > TYPED_BYTES:
        raise InvalidRequest(
            f"more than {units.size(TYPED_BYTES)} were piped in.",
            hint="Give a prompt, or a list with one model a line.",
            code="too_big",
        )
    return written


def read_line() -> str:
    """The next line of what is piped in, "" at its end; raises InvalidRequest (code ``not_text``)."""
    return _as_text(sys.stdin.readline)


def _as_text(read: Callable[[], str]) -> str:
    """What ``read`` gives, if it is text: where the locale is none of UTF-8, strange bytes come as half surrogates."""
    with suppress(UnicodeDecodeError):
        written = read()
        if is_text(written):
            return written
    raise InvalidRequest(
        "what was piped in is no text: it is not UTF-8.",
        hint="Save it as UTF-8, and pipe it in again.",
        code="not_text",
    )


def write_text(path: Path, text: str) -> None:
    """Write ``text`` into ``path``. Raises InvalidRequest (code ``not_writable``)."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(
            f"can't write {path}: {error.strerror}.", hint="Choose another file: --output FILE", code="not_writable"
        ) from None
