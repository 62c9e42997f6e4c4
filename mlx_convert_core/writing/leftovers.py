"""What killed programs left out of sight: found by its name and content, owned by nobody alive, cleared when asked."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlx_convert_core.base.documents import unfinished_write
from mlx_convert_core.base.removing import remove_tree
from mlx_convert_core.writing.journal import has_notes
from mlx_convert_core.writing.staging import (
    JOURNAL,
    SCRATCH,
    STATISTICS,
    bytes_below,
    discard,
    is_alive,
    is_staging,
    put_back,
)

REMOVED_SECONDS = 60.0  # a folder that is being deleted changes more often than this
Kind = Literal["unfinished", "deleted", "written"]
_STAGING = re.compile(r"\.(.+)\.partial-[0-9a-f]{8}", re.DOTALL)
_REMOVED = re.compile(r"\.(.+)\.removed-[0-9a-f]{8}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What lies at ``place`` and nobody works on any more, of ``nbytes`` on the disk.

    ``kind`` says what it is of ``path``: an unfinished model or upload, a model that was to be deleted, or a small file
    of the home folder that was being written. What is ``resumable`` can be taken up by a conversion with ``resume``.
    """

    place: Path
    kind: Kind
    path: Path
    nbytes: int
    resumable: bool = False
    identity: tuple[int, int]


def leftovers(models: Iterable[Path], documents: Iterable[Path] = ()) -> tuple[Leftover, ...]:
    """What is left in the folders ``models`` and ``documents``, not below them; the largest first."""
    found = [left for folder in models for left in _in_folder(folder, _of_models)]
    found += [left for folder in documents for left in _in_folder(folder, _of_documents)]
    once = {left.identity: left for left in found}
    return tuple(sorted(once.values(), key=lambda left: (-left.nbytes, left.place)))


def clear_leftover(left: Leftover) -> bool:
    """Remove ``left``, if it is still what it was and nobody has taken it up; whether it is gone.

    An old model that was about to be replaced is put back first. Raises OSError for what the system refuses.
    """
    now = (_of_documents if left.kind == "written" else _of_models)(left.place)
    if now is not None and (now.kind, now.identity) == (left.kind, left.identity):
        if left.kind == "written":
            left.place.unlink()
        elif _STAGING.fullmatch(left.place.name):
            discard(left.place, left.path)
        else:
            remove_tree(left.place)
    return not os.path.lexists(left.place)


def keep_for_resume(root: Path, output: Path) -> int:
    """After the death of its worker: the bytes of a staging folder that a next run can take up; the rest goes.

    One in which there is nothing to take up is removed, and 0 returned.
    """
    put_back(root, output)
    if not _can_go_on(root):
        discard(root, output)
        return 0
    shutil.rmtree(root / SCRATCH, ignore_errors=True)
    return bytes_below(root)


def _can_go_on(root: Path) -> bool:
    """Whether a staging folder holds work that need not be done again: tensors, or what was learned of inputs."""
    statistics = root / STATISTICS
    return has_notes(root / JOURNAL) or (statistics.is_dir() and any(statistics.iterdir()))


def _in_folder(folder: Path, recognised: Callable[[Path], Leftover | None]) -> Iterator[Leftover]:
    with suppress(OSError):  # it is not there, or not ours to read
        for path in sorted(folder.resolve().iterdir()):
            if path.name.startswith(".") and (left := recognised(path)) is not None:
                yield left


def _of_models(path: Path) -> Leftover | None:
    """The folder of an unfinished or half-deleted model that ``path`` is, None when it is something else."""
    with suppress(OSError):  # gone meanwhile
        if path.is_symlink() or not path.is_dir():
            return None
        if (match := _STAGING.fullmatch(path.name)) and is_staging(path) and not is_alive(path):
            kind: Kind = "unfinished" if (path / "output").exists() else "deleted"
            return _leftover(path, kind, match[1], bytes_below(path), resumable=_can_go_on(path))
        if (match := _REMOVED.fullmatch(path.name)) and _is_still(path):
            return _leftover(path, "deleted", match[1], bytes_below(path))
    return None


def _of_documents(path: Path) -> Leftover | None:
    with suppress(OSError):
        if name := unfinished_write(path):
            return _leftover(path, "written", name, path.lstat().st_blocks * 512)
    return None


def _leftover(place: Path, kind: Kind, name: str, nbytes: int, *, resumable: bool = False) -> Leftover:
    status = place.lstat()
    return Leftover(
        place=place,
        kind=kind,
        path=place.with_name(name),
        nbytes=nbytes,
        resumable=resumable,
        identity=(status.st_dev, status.st_ino),
    )


def _is_still(path: Path) -> bool:
    status = path.stat()
    return time.time() - max(status.st_mtime, status.st_ctime) > REMOVED_SECONDS
