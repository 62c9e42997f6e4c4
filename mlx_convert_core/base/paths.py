"""Paths as people type them."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core.errors import InvalidRequest


def expanded(path: str | Path) -> Path:
    """``path`` with ``~`` and ``~user`` filled in; raises InvalidRequest (code ``path``) when there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InvalidRequest(
            f"{path} can't be found: there is no user '{Path(path).parts[0].removeprefix('~')}' on this machine.",
            hint="Write ~/ for your own home folder, or ./ before a name that begins with ~.",
            code="path",
        ) from None
