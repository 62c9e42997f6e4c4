"""The files of a converted model that go along when it is sent somewhere."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from mlx_convert_core.plugin import RECORD, CorruptCheckpoint, UploadError, open_regular, regular_files, spelled
from mlx_convert_hub.card.origin import has_weights

BLOCK = 1 << 20


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
    """Raise UploadError (code ``up_place``) when a file of the model names a place in the home folder of this machine.

    Training tools leave them in tokenizer settings; others would read a person's name and folders there. The record is
    sent without them. Of weights only the beginning is looked at, where their header tells where they come from.
    """
    home = str(Path.home())
    if len(home) < 2:
        return
    wanted = {f"{form}/".encode() for form in (home, json.dumps(home)[1:-1])}
    for path in files:
        if path.name != RECORD and _mentions(folder / path, wanted, first_only=has_weights([path.name])):
            raise UploadError(
                f"{path} names a folder of this machine (in {home}), which others would see.",
                hint=f"Open {folder / path}, take that path out, and upload again.",
                code="up_place",
            )


def _mentions(path: Path, places: Collection[bytes], *, first_only: bool) -> bool:
    with open_regular(path, within=None) as file:
        end = b""
        while block := file.read(BLOCK):
            if any(place in end + block for place in places):
                return True
            if first_only:
                break
            end = block[-max(map(len, places)) :]
    return False
