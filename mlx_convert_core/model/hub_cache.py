"""The layout of a Hugging Face cache, told from paths alone: whose model a folder or a blob in it is.

Layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache ::

    models--org--name/blobs/<hash>                  a file's bytes
    models--org--name/snapshots/<commit>/<name>     a link to them
    models--org--name/refs/<branch>                 the commit that a branch or tag meant
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.hub_names import COMMIT, NAME

BLOBS, REFS, SNAPSHOTS = "blobs", "refs", "snapshots"


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedRepo:
    """Where something lies in a Hub cache: in the folder ``folder`` of ``repo_id``, as of ``commit``.

    ``commit`` is None for a blob, which may belong to several.
    """

    repo_id: str
    folder: Path
    commit: str | None = None

    @property
    def name(self) -> str:
        """The model's own name."""
        return self.repo_id.rpartition("/")[2]


def cached_repo(path: Path) -> CachedRepo | None:
    """The repo of a snapshot, of a file of one, or of a blob; None when ``path`` is nothing of the kind.

    A file of a snapshot is a link to a blob: it is looked at where it stands, and then where it leads.
    """
    if "\0" in str(path):  # what a damaged file says; no system looks at it
        return None
    beside = Path(os.path.realpath(path.parent)) / path.name
    real = Path(os.path.realpath(path))
    places = (beside, beside.parent, real, real.parent)
    return next((found for place in places if (found := _of_place(place)) is not None), None)


def _of_place(place: Path) -> CachedRepo | None:
    holder = place.parent
    repo_id = _repo_id(holder.parent)
    if not repo_id:
        return None
    if holder.name == SNAPSHOTS and COMMIT.fullmatch(place.name):
        return CachedRepo(repo_id=repo_id, folder=holder.parent, commit=place.name)
    return CachedRepo(repo_id=repo_id, folder=holder.parent) if holder.name == BLOBS else None


def is_repo(folder: Path) -> bool:
    """Whether ``folder`` holds the revisions of a repo (``models--org--name``)."""
    return bool(_repo_id(folder)) and (folder / SNAPSHOTS).is_dir()


def _repo_id(folder: Path) -> str:
    """The repo whose files are kept in ``folder``, "" for another folder. No name of a repo has a "--"."""
    kind, *parts = folder.name.split("--")
    whole = kind == "models" and len(parts) in (1, 2) and all(re.fullmatch(NAME, part) for part in parts)
    return "/".join(parts) if whole else ""


def snapshot_in(folder: Path) -> Path | None:
    """The newest snapshot of a repo's folder (``models--org--name``): the one of ``main``, or the only one.

    None for another folder, or when it does not say.
    """
    if not is_repo(Path(os.path.realpath(folder))):
        return None
    found = [path for path in (folder / SNAPSHOTS).iterdir() if COMMIT.fullmatch(path.name) and path.is_dir()]
    named = [path for path in found if path.name == commit_of(folder / REFS / "main")]
    return next(iter(named or found), None) if named or len(found) == 1 else None


def commit_of(ref: Path) -> str:
    """The commit that a file below ``refs`` names, "" when it names none."""
    with suppress(OSError, CorruptCheckpoint, UnicodeDecodeError):
        text = read_regular(ref, 200, within=ref.parent).decode().strip()
        return text if COMMIT.fullmatch(text) else ""
    return ""


def model_name(folder: Path) -> str:
    """What the model in ``folder`` is called: as the folder, or, where that is a commit in a Hub cache, as the repo."""
    repo = cached_repo(folder)
    return repo.name if repo is not None and repo.commit == Path(os.path.realpath(folder)).name else folder.name
