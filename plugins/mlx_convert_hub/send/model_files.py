"""The files of a converted model that go along when it is sent somewhere."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core import UploadError, spelled


def files_of(folder: Path) -> list[Path]:
    """The files in ``folder``, as paths below it, in order; hidden ones are none of the model's.

    Raises UploadError (code ``up_link``) for a link that leads out of it: nobody sees from here what it would show.
    The Hugging Face cache is made of links into its own ``blobs``, and those are taken.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
        spelled(relative)
        if not _stays_inside(path, folder):
            raise UploadError(
                f"{path} is a link that leads out of the model's folder.",
                hint="Remove it, or put the file itself there.",
                code="up_link",
            )
        found.append(relative)
    return found


def _stays_inside(path: Path, folder: Path) -> bool:
    real, home = path.resolve(), folder.resolve()
    blobs = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    return real.is_relative_to(home) or real.is_relative_to(blobs)
