"""Text files that a person names: read and written, with errors in words."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core import CorruptCheckpoint, InvalidRequest, RepoNotFound, read_regular

MAX_BYTES = 200_000_000  # a conversation with all that was ever said in it has 1 MB


def read_text(path: Path) -> str:
    """What is in ``path``. Raises RepoNotFound (code ``no_file``), InvalidRequest (code ``not_text``, and
    for a pipe, a device or a file that is too big)."""
    try:
        return read_regular(path, MAX_BYTES, within=None).decode()
    except CorruptCheckpoint as error:
        raise InvalidRequest(error.message, hint=error.hint, code=error.code) from None
    except OSError as error:
        raise RepoNotFound(f"can't read {path}: {error.strerror}.", hint="Check the path.", code="no_file") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path} is no text file.", hint="Check the path.", code="not_text") from None


def write_text(path: Path, text: str) -> None:
    """Write ``text`` into ``path``. Raises InvalidRequest (code ``not_writable``)."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(
            f"can't write {path}: {error.strerror}.", hint="Choose another file: --output FILE", code="not_writable"
        ) from None
