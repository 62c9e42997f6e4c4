"""Delete the folder of a library entry, or move it to the Trash; never anything else."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable

from mlx_convert_core.base.identity import same_place
from mlx_convert_core.base.trash import has_trash, move_to_trash
from mlx_convert_core.errors import LibraryError
from mlx_convert_core.model.contents import FolderContents
from mlx_convert_core.model.hub_cache import CachedRepo, cached_repo
from mlx_convert_core.model.library import LibraryEntry
from mlx_convert_core.remedies import RunCommand
from mlx_convert_core.writing.cached_removal import delete_revision, what_revision_takes
from mlx_convert_core.writing.replaceable import what_goes
from mlx_convert_core.writing.staging import discard, staging_root


def what_removal_takes(entry: LibraryEntry, entries: Iterable[LibraryEntry]) -> FolderContents:
    """What goes with the folder of ``entry``, one of ``entries``.

    Raises LibraryError: code ``not_removable`` for a folder that must stay, ``entry_changed`` when another model took
    its place.
    """
    repo = _revision(entry)
    others = [
        other.path
        for other in entries
        if other.path != entry.path and not (os.path.exists(other.path) and same_place(other.path, entry.path))
    ]
    contents = what_goes(entry.path, models=others)
    if repo is not None:
        contents = what_revision_takes(contents, repo)
    model = contents.model
    stays = contents.stays or ("" if model is not None else "it is empty")
    if stays:
        raise LibraryError(
            f"{entry.path} is not deleted: {stays}.",
            hint="Delete it yourself if it should go. The library can forget it and leave the files alone.",
            remedies=(RunCommand("library remove", (str(entry.path),), ("keep_files",)),),
            code="not_removable",
        )
    if model is not None and not entry.same_make(model):
        raise LibraryError(
            f"{entry.path} is not deleted: it holds another model by now ({model.quantization}, made {model.created}) "
            f"than the library says ({entry.quantization}, made {entry.created}).",
            hint="Have the library look at it again.",
            remedies=(RunCommand("library scan", (str(entry.path),)),),
            code="entry_changed",
        )
    return contents


def delete_folder(entry: LibraryEntry, entries: Iterable[LibraryEntry], *, permanently: bool) -> FolderContents:
    """Move the folder of ``entry`` to the Trash, or, ``permanently`` or where there is none, delete it; what went.

    Raises what `what_removal_takes` raises, and LibraryError (codes ``no_trash``, ``not_removed``) when the system
    refuses.
    """
    contents = what_removal_takes(entry, entries)
    repo = _revision(entry)
    if repo is not None:
        _forget_revision(entry, repo)
    elif has_trash() and not permanently:
        _trash(entry)
    else:
        _delete(entry, contents)
    return contents


def _revision(entry: LibraryEntry) -> CachedRepo | None:
    """The repo of whose cache ``entry`` is a snapshot."""
    repo = cached_repo(entry.path)
    return repo if repo is not None and repo.commit == entry.path.name else None


def _forget_revision(entry: LibraryEntry, repo: CachedRepo) -> None:
    try:
        delete_revision(entry, repo)
    except OSError as error:
        raise LibraryError(
            f"can't delete {entry.path}: {error.strerror or error}.",
            hint=f"Check who owns {repo.folder} and what is in it.",
            code="not_removed",
        ) from error


def _trash(entry: LibraryEntry) -> None:
    try:
        move_to_trash(entry.path)
    except OSError as error:
        raise LibraryError(
            f"{entry.path} can't be moved to the Trash: {error.strerror or error}.",
            hint="Delete it for good.",
            remedies=(RunCommand("library remove", (str(entry.path),), ("permanently",)),),
            code="no_trash",
        ) from error


def _delete(entry: LibraryEntry, contents: FolderContents) -> None:
    """Take the folder out of sight whole, by a rename into a staging folder, look again, then empty that.

    Killed before it is known that nothing came in meanwhile, the folder is put back by the next one who clears.
    """
    root = staging_root(entry.path, secrets.token_hex(4))
    aside = root / "replaced"
    try:
        root.mkdir()
        entry.path.rename(aside)
        if what_goes(aside).files != contents.files:
            raise OSError("something was put into it just now")
        aside.rename(root / "doomed")
    except OSError as error:
        discard(root, entry.path)
        raise LibraryError(
            f"can't delete {entry.path}: {error.strerror or error}.",
            hint="Check who owns the folder and the one above it.",
            code="not_removed",
        ) from error
    discard(root, entry.path)
    if os.path.lexists(root):
        raise LibraryError(
            f"{entry.path} is out of sight, but not all of it could be deleted: the rest is in {root}.",
            hint="Check who owns what is in it, and delete it yourself.",
            code="not_removed",
        )
