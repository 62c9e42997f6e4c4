"""Delete the folder of a library entry, and never anything else; and which folders a conversion may replace."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from mlx_convert_core.base.shell import command
from mlx_convert_core.errors import LibraryError
from mlx_convert_core.model.library import LibraryEntry, entry_of


def delete_folder(entry: LibraryEntry, entries: Iterable[LibraryEntry]) -> None:
    """Delete the folder of ``entry``, one of ``entries``; it vanishes whole, by a rename, before it is emptied.

    Raises LibraryError (code ``not_removable``) when it is a link or lies behind one, is no MLX folder
    any more, or holds more than this model; code ``not_removed`` when the system refuses.
    """
    problem = _problem(entry.path, entries)
    if problem:
        raise LibraryError(
            f"{entry.path} is not deleted: {problem}.",
            hint=f"Delete it yourself if it should go; to only forget it: "
            f"{command('mlx-convert library remove', entry.path, '--keep-files')}",
            code="not_removable",
        )
    doomed = entry.path.with_name(f".{entry.path.name}.removed-{secrets.token_hex(4)}")
    try:
        entry.path.rename(doomed)
        shutil.rmtree(doomed)
    except OSError as error:
        raise LibraryError(
            f"can't delete {error.filename or entry.path}: {error.strerror or error}.",
            hint="Check who owns the folder and the one above it.",
            code="not_removed",
        ) from error


def _problem(path: Path, entries: Iterable[LibraryEntry]) -> str:
    """Why the folder must stay, "" when it may go."""
    if path.resolve() != path:
        return "it is a link, or lies behind one"
    if entry_of(path) is None:
        return "it is no MLX model any more"
    inside = [other.path for other in entries if other.path != path and other.path.is_relative_to(path)]
    if inside:
        return f"it holds another model of the library, {inside[0]}"
    return _people_in(path)


def why_kept(output: Path, source: Path | None) -> str:
    """Why what lies at ``output`` must not be replaced by a conversion of ``source``, "" when it may, or is not there.

    Only an empty folder and an MLX model are replaced: with a slip of the hand ``--force`` would delete anything.
    """
    if not os.path.lexists(output):
        return ""
    if source is not None and source.resolve().is_relative_to(output.resolve()):
        return "the model to convert is in it"
    if not output.is_dir():
        return "it is a file"
    if any(output.iterdir()) and entry_of(output) is None:
        return "it holds something else than an MLX model"
    return _people_in(output.resolve())


def _people_in(path: Path) -> str:
    for place, name in ((Path.home(), "home folder"), (Path(os.getcwd()), "current folder")):
        if place.resolve().is_relative_to(path):
            return f"your {name} is in it"
    return ""
