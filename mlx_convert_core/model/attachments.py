"""Files that go with a question: pictures and sound, told apart by the ends of their names."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mlx_convert_core.base import units
from mlx_convert_core.errors import InvalidRequest

Sense = Literal["picture", "sound"]
_ENDINGS: dict[Sense, tuple[str, ...]] = {
    "picture": (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    "sound": (".wav", ".mp3", ".flac", ".m4a", ".ogg"),
}
LARGEST = 100_000_000  # bytes; a photo has some 10 MB, and a longer recording has more tokens than a context


def sense_of(path: Path) -> Sense:
    """What the file at ``path`` is for. Raises InvalidRequest (``attachment``) for one that is neither."""
    for sense, endings in _ENDINGS.items():
        if path.suffix.lower() in endings:
            return sense
    known = ", ".join(ending for endings in _ENDINGS.values() for ending in endings)
    raise _unfit(path, "is no picture and no sound by its name", f"These are known: {known}.")


def checked(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """``paths``, absolute. Raises InvalidRequest (``attachment``) for what is no file that can go with a question."""
    for path in paths:
        sense_of(path)
        if not path.is_file():
            raise _unfit(path, "is not a file" if path.exists() else "is not there", "Name a file on this machine.")
        if path.stat().st_size > LARGEST:
            size = units.size(path.stat().st_size)
            raise _unfit(path, f"has {size}", f"A file may have {units.size(LARGEST)}: make it smaller.")
    return tuple(path.absolute() for path in paths)


def _unfit(path: Path, why: str, hint: str) -> InvalidRequest:
    return InvalidRequest(f"{path} {why}.", hint=hint, code="attachment")
