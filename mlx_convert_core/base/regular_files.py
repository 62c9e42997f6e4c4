"""Files of a folder that somebody else may have made: only regular ones inside it are opened, and none makes us wait.

A link may lead to another place of the same folder, or to a blob of a Hugging Face cache, whose snapshots are made
of such links (https://huggingface.co/docs/huggingface_hub/guides/manage-cache). Any other one is refused: a folder
with ``LICENSE -> ../.ssh/id_ed25519`` would have us copy, and publish, what nobody meant to share.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from errno import ELOOP, ENOENT
from pathlib import Path
from typing import BinaryIO

from mlx_convert_core.base.paths import in_text
from mlx_convert_core.base.system_files import is_system_file
from mlx_convert_core.errors import CorruptCheckpoint

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# A folder of such a name stands where a reader of models looks for a file.
_FILE_SUFFIXES = {".json", ".safetensors", ".model", ".tiktoken", ".jinja", ".txt", ".md", ".gguf"}


def open_regular(path: Path, *, within: Path | None) -> BinaryIO:
    """``path`` opened to be read, if it is a regular file inside the folder ``within`` (None: wherever links lead).

    What was looked at is what is opened, and a pipe or a device is not touched. Raises OSError when there is nothing
    to open, and CorruptCheckpoint (codes ``link_out``, ``broken_link``, ``special_file``, ``source_changed``).
    """
    real, seen = _looked_at(path, within)
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (ENOENT, ELOOP):
            raise _swapped(path) from None
        raise
    if not os.path.samestat(os.fstat(handle), seen):
        os.close(handle)
        raise _swapped(path)
    return os.fdopen(handle, "rb")


def read_regular(path: Path, limit: int, *, within: Path | None) -> bytes:
    """The bytes of ``path``, of which there may be ``limit`` at most (CorruptCheckpoint, code ``too_big``).

    Otherwise as `open_regular`.
    """
    with open_regular(path, within=within) as file:
        data = file.read(limit + 1)
        if len(data) <= limit:
            return data
        size = max(os.fstat(file.fileno()).st_size, len(data))
    raise CorruptCheckpoint(
        f"{in_text(str(path))} has {size:,} bytes; a file of its kind has {limit:,} at most.",
        hint="It is not what its name says. Download it again, or compare it with the one on the model's page.",
        code="too_big",
    )


def copy_regular(source: Path, target: Path, *, within: Path) -> None:
    """Copy the bytes of ``source`` to ``target``, which is new. Raises as `open_regular`."""
    with open_regular(source, within=within) as reading, target.open("xb") as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)


def check_regular(path: Path, *, within: Path | None) -> os.stat_result:
    """The status of the regular file that `open_regular` would open; raises what that raises."""
    return _looked_at(path, within)[1]


def regular_files(folder: Path, *, below: bool = False, hidden: bool = False) -> list[Path]:
    """The files in ``folder``, and ``below`` it, in order; what begins with a dot only if ``hidden`` is asked for.

    What systems leave in any folder (`is_system_file`) is never among them. Raises OSError, and CorruptCheckpoint for
    what is there and no regular file inside (codes as `open_regular`).
    """
    return list(_files(folder, folder, below, hidden))


def _files(place: Path, folder: Path, below: bool, hidden: bool) -> Iterator[Path]:
    for path in sorted(place.iterdir()):
        if (path.name.startswith(".") and not hidden) or is_system_file(path.name) or _is_pruned(path):
            continue
        if not _is_folder(path, folder):
            yield path
        elif below and not path.is_symlink():
            yield from _files(path, folder, below, hidden)


def _is_folder(path: Path, folder: Path) -> bool:
    """Whether ``path`` is a folder that may be one; raises CorruptCheckpoint unless it is that or a regular file."""
    seen = _found(path, folder)[1]
    if stat.S_ISDIR(seen.st_mode) and path.suffix not in _FILE_SUFFIXES:
        return True
    _check_kind(path, seen)
    return False


def _looked_at(path: Path, within: Path | None) -> tuple[Path, os.stat_result]:
    real, seen = _found(path, within)
    _check_kind(path, seen)
    return real, seen


def _found(path: Path, within: Path | None) -> tuple[Path, os.stat_result]:
    """Where ``path`` leads, and what is there; raises CorruptCheckpoint for a link out, and for one to nothing."""
    linked = stat.S_ISLNK(path.lstat().st_mode)
    try:
        real = path.resolve()
    except RuntimeError:  # a circle of links
        raise _broken(path) from None
    if within is not None and not (_is_inside(real, within.resolve()) or _is_blob(real)):
        raise _leads_out(path, real)
    try:
        seen = real.lstat()
    except FileNotFoundError:
        raise (_broken if linked else _swapped)(path) from None
    if stat.S_ISLNK(seen.st_mode):  # how newer Pythons resolve a circle
        raise _broken(path)
    return real, seen


def _is_inside(real: Path, folder: Path) -> bool:
    """Whether ``real`` lies in ``folder``, also where the system takes two spellings for one folder."""
    if real.is_relative_to(folder):
        return True
    try:
        home = folder.stat()
        return any(os.path.samestat(parent.stat(), home) for parent in real.parents)
    except OSError:
        return False


def _is_blob(real: Path) -> bool:
    """Whether ``real`` is a file of a Hugging Face cache, ``models--org--name/blobs/<hash>``: nobody can link to one
    without knowing the hash of its content."""
    return real.parent.name == "blobs" and real.parent.parent.name.startswith("models--")


def _is_pruned(path: Path) -> bool:
    """Whether a Hugging Face cache shows ``path`` and its blob was deleted: such a file is not there."""
    return path.is_symlink() and not path.exists() and _is_blob(Path(os.path.realpath(path)))


def _check_kind(path: Path, seen: os.stat_result) -> None:
    kind = stat.S_IFMT(seen.st_mode)
    if kind != stat.S_IFREG:
        raise CorruptCheckpoint(
            f"{in_text(str(path))} is {_KINDS.get(kind, 'something else')}, not a file, and is not read.",
            hint="Remove it, or put the file itself there.",
            code="special_file",
        )


def _leads_out(path: Path, real: Path) -> CorruptCheckpoint:
    place, above = in_text(str(real)), in_text(str(real.parent))
    return CorruptCheckpoint(
        f"{in_text(str(path))} is a link that leads out of its folder, to {place}, and is not read.",
        hint=f"Put the file itself there, or remove the link. If the whole model is in {above}, give that folder.",
        code="link_out",
    )


def _broken(path: Path) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{in_text(str(path))} is a link that leads to nothing.",
        hint="Put the file itself there, or remove the link.",
        code="broken_link",
    )


def _swapped(path: Path) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{in_text(str(path))} was replaced while it was being opened.",
        hint="Wait until whatever writes there is done, and run it again.",
        code="source_changed",
    )
