"""Which file or folder a path leads to, however it is spelled: told by device and inode, as the system tells them.

On a Mac's usual disk ``Smol`` and ``SMOL`` are one folder, and anywhere a link or a mount gives a folder a second path.
Some disks (exFAT by FUSE, network shares) make up an inode for each spelling: there the names in the folder decide.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def same_place(one: Path, other: Path) -> bool:
    """Whether both paths lead to one file or folder; where one leads nowhere, whether they are spelled alike."""
    try:
        return _is(one, other)
    except (OSError, ValueError):
        return os.path.abspath(one) == os.path.abspath(other)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether ``path`` is ``folder`` or lies in it, or will once both are there.

    Names that are not there yet are compared without capitals and accents' forms: many disks take them for one.
    """
    base, missing = _anchored(folder)
    real = _real(path)
    for parent in (real, *real.parents):
        if _is_known(parent, base):
            below = real.parts[len(parent.parts) :]
            taken = bool(missing and below) and os.path.lexists(parent / below[0])
            return not taken and _folded(below[: len(missing)]) == _folded(missing)
    return False


def as_on_disk(path: Path) -> Path:
    """``path`` without links, each name spelled as the disk has it."""
    real = _real(path)
    found = Path(real.anchor)
    for name in real.parts[1:]:
        found /= _name_in(found, name)
    return found


def identities(*paths: Path) -> frozenset[tuple[int, int]]:
    """Device and inode of each path that leads somewhere."""
    found = set()
    for path in paths:
        try:
            status = path.stat()
        except (OSError, ValueError):
            continue
        found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # unlike Path.resolve, it takes a circle of links as it is


def _anchored(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The nearest folder of ``path`` that is there, and the names below it that are not."""
    real = _real(path)
    there = next(parent for parent in (real, *real.parents) if os.path.lexists(parent))
    return there, real.parts[len(there.parts) :]


def _is_known(one: Path, other: Path) -> bool:
    try:
        return _is(one, other)
    except OSError:
        return False


def _is(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same; raises OSError where one leads nowhere."""
    ours, theirs = one.stat(), other.stat()
    if os.path.samestat(ours, theirs) or ours.st_dev != theirs.st_dev:
        return ours.st_dev == theirs.st_dev
    here, there = _real(one), _real(other)
    return here != there and _folded(here.parts) == _folded(there.parts) and as_on_disk(here) == as_on_disk(there)


def _folded(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFD", name).casefold() for name in names)


def _name_in(folder: Path, name: str) -> str:
    """How ``folder`` spells ``name``; it is read through only where the disk may know a name in two spellings."""
    if name.isascii() and (name == name.swapcase() or not os.path.lexists(folder / name.swapcase())):
        return name
    try:
        names = os.listdir(folder)
        if name in names:
            return name
        alike = [other for other in names if _folded((other,)) == _folded((name,))]
        seen = os.lstat(folder / name)
        same = (other for other in alike or names if os.path.samestat(os.lstat(folder / other), seen))
        return next(same, alike[0] if alike else name)
    except OSError:
        return name
