"""Where LM Studio looks for models: its own settings say so.

``~/.lmstudio-home-pointer`` names its home, and ``settings.json`` there the folder of models (``downloadsFolder``) of a
person who has moved them, most often to another disk.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import CONFIG_BYTES, CorruptCheckpoint, expanded, read_json, read_regular

POINTER = ".lmstudio-home-pointer"
HOMES = (".lmstudio", ".cache/lm-studio")  # below one's own home; the second is the older
_PATH_BYTES = 10_000


def lm_studio_folder() -> Path | None:
    """LM Studio's folder of models, None when there is no LM Studio. One on another disk may be away now."""
    for home in _homes():
        named = _settings(home).get("downloadsFolder")
        if isinstance(named, str) and named.strip():
            return _path(named, home)
        if (home / "models").is_dir():
            return home / "models"
    return None


def _homes() -> list[Path]:
    """LM Studio's home as it says itself, or else where it is usually."""
    usual = [Path.home() / below for below in HOMES]
    named = _text(Path.home() / POINTER, _PATH_BYTES).strip()
    return [_path(named.splitlines()[0], Path.home()), *usual] if named else usual


def _settings(home: Path) -> dict[str, Any]:
    try:
        found = read_json(_text(home / "settings.json", CONFIG_BYTES).encode())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path, limit: int) -> str:
    """What a file of LM Studio says, "" when it can't be read."""
    try:
        return read_regular(path, limit, within=None).decode("utf-8")
    except (OSError, ValueError, CorruptCheckpoint):
        return ""


def _path(named: str, home: Path) -> Path:
    return home / expanded(named.strip())
