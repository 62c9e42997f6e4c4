"""Files that go with a question: pictures and sound, told apart by the ends of their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlx_convert_core.base import units
from mlx_convert_core.base.paths import in_text
from mlx_convert_core.errors import InvalidRequest

Sense = Literal["picture", "sound"]
ENDINGS: dict[Sense, tuple[str, ...]] = {
    "picture": (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    "sound": (".wav", ".mp3", ".flac", ".m4a", ".ogg"),
}
LARGEST = 100_000_000  # bytes; a photo has some 10 MB, and a longer recording has more tokens than a context
TOKENS = 1_500  # of a context, for each file: what models make of a photo differs, from some hundred to some thousand
_NAME_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A picture or a recording of one turn: the ``name`` that its owner knows it by, and the ``path`` where it lies.

    ``data`` is what is in it, in a conversation that was exported; b"" everywhere else.
    """

    name: str
    path: Path
    data: bytes = b""

    @classmethod
    def of(cls, path: Path, name: str = "") -> Attachment:
        """The file at ``path``. Raises InvalidRequest (``attachment``) for what can't go with a question."""
        (place,) = checked((path,))
        return cls(name=shown_name(name or path.name), path=place)

    @property
    def sense(self) -> Sense:
        """What it is for."""
        return sense_of(self.path)


def sense_of(path: Path) -> Sense:
    """What the file at ``path`` is for. Raises InvalidRequest (``attachment``) for one that is neither."""
    for sense, endings in ENDINGS.items():
        if path.suffix.lower() in endings:
            return sense
    known = ", ".join(ending for endings in ENDINGS.values() for ending in endings)
    raise _unfit(path, "is no picture and no sound by its name", f"These are known: {known}.")


def checked(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """``paths``, absolute. Raises InvalidRequest (``attachment``) for what is no file that can go with a question."""
    for path in paths:
        sense_of(path)
        if not path.is_file():
            raise _unfit(path, "is not a file" if path.exists() else "is not there", "Name a file on this machine.")
        check_size(path, path.stat().st_size)
    return tuple(path.absolute() for path in paths)


def check_size(path: Path, size: int) -> None:
    """Raise InvalidRequest (``attachment``) when ``size`` bytes are more than a file with a question may have."""
    if size > LARGEST:
        raise _unfit(path, f"has {units.size(size)}", f"A file may have {units.size(LARGEST)}: make it smaller.")


def shown_name(name: str) -> str:
    """The last part of ``name``, as a line of text of some length: others give names to files."""
    line = "".join(letter for letter in in_text(name.replace("\\", "/").rpartition("/")[2]) if letter.isprintable())
    return line.strip()[-_NAME_LENGTH:] or "file"


def _unfit(path: Path, why: str, hint: str) -> InvalidRequest:
    return InvalidRequest(f"{in_text(str(path))} {why}.", hint=hint, code="attachment")
