"""The files of a converted model that go along when it is sent somewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlx_convert_core import RECORD, CorruptCheckpoint, UploadError, open_regular, regular_files, spelled

TEXTS = (".json", ".jsonl", ".jinja", ".txt", ".md", ".yaml", ".yml")
WRITTEN_ANEW = (RECORD, "README.md")  # as they are sent, they name no place of this machine


def files_of(folder: Path) -> list[Path]:
    """The files in ``folder`` and below, as paths below it, in order; hidden ones are none of the model's.

    Raises UploadError (code ``up_link``) for a link that leads out of it, since nobody sees from here what it would
    show, and for a pipe, socket or device. The Hugging Face cache is made of links into its own ``blobs``, and those
    are taken.
    """
    try:
        found = [path.relative_to(folder) for path in regular_files(folder, below=True)]
    except CorruptCheckpoint as error:
        raise UploadError(error.message, hint=error.hint, code="up_link") from None
    for path in found:
        spelled(path)
    return found


def refuse_places(folder: Path, files: Iterable[Path]) -> None:
    """Raise UploadError (code ``up_place``) when a text of the model names a place in the home folder of this machine.

    Training tools leave them in tokenizer settings; others would read a person's name and folders there.
    """
    home = str(Path.home())
    if len(home) < 2:
        return
    for path in files:
        if path.suffix in TEXTS and str(path) not in WRITTEN_ANEW and _mentions(folder / path, f"{home}/".encode()):
            raise UploadError(
                f"{path} names a folder of this machine (in {home}), which others would see.",
                hint=f"Open {folder / path}, take that path out, and upload again.",
                code="up_place",
            )


def _mentions(path: Path, place: bytes) -> bool:
    with open_regular(path, within=None) as file:
        end = b""
        while block := file.read(1 << 20):
            if place in end + block:
                return True
            end = block[-len(place) :]
    return False
