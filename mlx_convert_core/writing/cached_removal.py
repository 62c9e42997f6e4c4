"""Remove a model from a Hugging Face cache, as its own client does: a revision's links, and the bytes that only it has.

A blob that another snapshot shows stays, and so does a download that is under way. What goes can be fetched again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mlx_convert_core.model.contents import FolderContents, listed
from mlx_convert_core.model.hub_cache import BLOBS, REFS, SNAPSHOTS, CachedRepo, commit_of
from mlx_convert_core.model.library import LibraryEntry


def what_revision_takes(contents: FolderContents, repo: CachedRepo) -> FolderContents:
    """What goes with the snapshot that was looked at: all that it shows, and the bytes that no other snapshot needs.

    Every link to a blob is the repo's, whatever its name; only what a person has put there besides is foreign.
    """
    snapshot = contents.path
    foreign = tuple(name for name in contents.foreign if not _is_blob(snapshot / name, repo))
    if foreign:
        stays = f"it holds files that are not the model's ({listed(foreign, 5)})"
        return replace(contents, foreign=foreign, stays=stays)
    if contents.model is None or (contents.stays and not contents.foreign):
        return contents
    inside = [path for path in _below(snapshot) if path.is_symlink() or not path.is_dir()]
    names = tuple(str(path.relative_to(snapshot)) for path in inside)
    freed = sum(path.stat().st_size for path in _only_here(snapshot, repo, inside))
    return replace(contents, files=names, size=freed, stays="", foreign=(), cached=True)


def delete_revision(entry: LibraryEntry, repo: CachedRepo) -> None:
    """Delete it. Raises OSError; what is left by then is a cache's, to be fetched again or deleted."""
    inside = list(_below(entry.path))
    doomed = list(_only_here(entry.path, repo, inside))
    for ref in _below(repo.folder / REFS):
        if ref.is_file() and commit_of(ref) == repo.commit:
            ref.unlink()
    for path in reversed(inside):  # what is in a folder before the folder
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    entry.path.rmdir()
    for blob in doomed:
        blob.unlink(missing_ok=True)
    for place in (
        *reversed(list(_below(repo.folder / REFS))),
        *(repo.folder / name for name in (REFS, SNAPSHOTS, BLOBS)),
    ):
        with suppress(OSError):  # not empty, or not there
            place.rmdir()
    with suppress(OSError):
        repo.folder.rmdir()


def _only_here(snapshot: Path, repo: CachedRepo, inside: list[Path]) -> Iterator[Path]:
    """The blobs that ``snapshot`` shows and no other does; a file that is no link is its own."""
    others = [path for other in (repo.folder / SNAPSHOTS).iterdir() if other != snapshot for path in _below(other)]
    needed = {os.path.realpath(path) for path in others if path.is_symlink()}
    for path in inside:
        if _is_blob(path, repo) and os.path.realpath(path) not in needed:
            yield Path(os.path.realpath(path))


def _is_blob(path: Path, repo: CachedRepo) -> bool:
    """Whether ``path`` is a link to a blob of ``repo``."""
    real = os.path.realpath(path)
    return path.is_symlink() and os.path.dirname(real) == os.path.realpath(repo.folder / BLOBS) and os.path.isfile(real)


def _below(folder: Path) -> Iterator[Path]:
    """Everything below ``folder``, a folder before what is in it; no link is followed."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
