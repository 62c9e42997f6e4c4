"""Disks as a Mac has them; on Linux they are made with FUSE.

On most of them ``Smol`` and ``SMOL`` are one folder. An exFAT disk or a network share has no links and no inodes that
last, and can't let two paths change places. The Mac puts a file ``._x`` beside each ``x`` there (AppleDouble), moves it
along, and takes it away with ``x``; a folder in which nothing else is left counts as empty.
Run as a program it serves a folder: ``python caseless_disk.py FOLDER MOUNT [apple_double]``.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

SECONDS = 20.0


@contextmanager
def caseless_disk(place: Path) -> Iterator[Path]:
    """Give a folder on such a disk: ``place`` itself, where it is on one. Skips the test where none can be had."""
    (place / "here").mkdir()
    if (place / "HERE").exists():
        yield place / "here"
        return
    with mac_disk(place) as disk:
        yield disk


@contextmanager
def mac_disk(place: Path, *, apple_double: bool = False) -> Iterator[Path]:
    """Give a folder on a disk made with FUSE, with ``._`` files if asked for. Skips the test where none can be made."""
    (place / "Disk").mkdir()
    if not Path("/dev/fuse").exists():
        pytest.skip("needs a disk that ignores case, or FUSE")
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"needs a disk that ignores case, or mfusepy: {error}")
    (place / "stored").mkdir()
    kind = ["apple_double"] * apple_double
    server = subprocess.Popen([sys.executable, __file__, str(place / "stored"), str(place / "Disk"), *kind])
    try:
        until = time.monotonic() + SECONDS
        while not os.path.ismount(place / "Disk"):
            if server.poll() is not None or time.monotonic() > until:
                pytest.skip("FUSE can't mount here")
            time.sleep(0.02)
        yield place / "Disk"
    finally:
        server.terminate()
        server.wait(SECONDS)
        subprocess.run(["umount", "-l", str(place / "Disk")], capture_output=True)


def _serve(folder: str, mount: str, kind: str = "") -> None:
    import mfusepy

    options = dict.fromkeys(("attr_timeout", "entry_timeout", "negative_timeout", "ac_attr_timeout"), 0)
    disk = _disk(mfusepy)
    if kind == "apple_double":
        disk = _with_apple_double(mfusepy, disk)
    mfusepy.FUSE(disk(folder), mount, foreground=True, nothreads=True, use_ino=not kind, **options)


def _disk(mfusepy: Any) -> Any:
    """Build the file system: every call goes to the real one, once each name is spelled as it is stored."""

    class Disk(mfusepy.Operations):  # type: ignore[misc]
        use_ns = True

        def __init__(self, root: str) -> None:
            self._root = root

        def _real(self, path: str) -> str:
            found = self._root
            for name in filter(None, os.path.normpath(path).split("/")):
                there = os.listdir(found) if os.path.isdir(found) else []
                same = next((other for other in there if _folded(other) == _folded(name)), name)
                found = os.path.join(found, name if name in there else same)
            return found

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            status = os.lstat(self._real(path))
            names = ("gid", "uid", "mode", "nlink", "size", "blocks", "ino")
            times = {f"st_{name}": getattr(status, f"st_{name}_ns") for name in ("atime", "ctime", "mtime")}
            return times | {f"st_{name}": getattr(status, f"st_{name}") for name in names}

        def readdir(self, path: str, fh: int) -> list[tuple[str, dict[str, Any], int]]:
            names = [".", *os.listdir(self._real(path))]  # with its inode: a name without one is taken for deleted
            return [(name, self.getattr(os.path.join(path, name)), 0) for name in names]

        def rename(self, old: str, new: str) -> None:
            os.rename(self._real(old), self._real(new))

        def link(self, target: str, source: str) -> None:
            os.link(self._real(source), self._real(target))

        def symlink(self, target: str, source: str) -> None:
            os.symlink(source, self._real(target))

        def create(self, path: str, mode: int, fi: object = None) -> int:
            return os.open(self._real(path), os.O_RDWR | os.O_CREAT, mode)

        def open(self, path: str, flags: int) -> int:
            return os.open(self._real(path), flags)

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return os.pread(fh, size, offset)

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            return os.pwrite(fh, data, offset)

        def truncate(self, path: str, length: int, fh: int | None = None) -> None:
            os.truncate(self._real(path), length)

        def release(self, path: str, fh: int) -> None:
            os.close(fh)

        def fsync(self, path: str, datasync: int, fh: int) -> None:
            os.fsync(fh)

        def statfs(self, path: str) -> dict[str, int]:
            status = os.statvfs(self._root)
            names = ("bavail", "bfree", "blocks", "bsize", "files", "ffree", "favail", "flag", "frsize", "namemax")
            return {f"f_{name}": getattr(status, f"f_{name}") for name in names}

        def mkdir(self, path: str, mode: int) -> None:
            os.mkdir(self._real(path), mode)

        def rmdir(self, path: str) -> None:
            os.rmdir(self._real(path))

        def unlink(self, path: str) -> None:
            os.unlink(self._real(path))

        def readlink(self, path: str) -> str:
            return os.readlink(self._real(path))

        def chmod(self, path: str, mode: int) -> None:
            os.chmod(self._real(path), mode)

        def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
            os.utime(self._real(path), ns=times)

    return Disk


def _with_apple_double(mfusepy: Any, disk: Any) -> Any:
    """Build the file system of a Mac on a disk that can hold nothing of a file but its bytes."""

    class Foreign(disk):  # type: ignore[misc]
        def link(self, target: str, source: str) -> None:
            raise mfusepy.FuseOSError(errno.EPERM)

        def symlink(self, target: str, source: str) -> None:
            raise mfusepy.FuseOSError(errno.EPERM)

        def create(self, path: str, mode: int, fi: object = None) -> int:
            self._keep_beside(path)
            return int(super().create(path, mode, fi))

        def mkdir(self, path: str, mode: int) -> None:
            super().mkdir(path, mode)
            self._keep_beside(path)

        def rename(self, old: str, new: str) -> None:
            super().rename(old, new)
            with suppress(FileNotFoundError):
                super().rename(_beside(old), _beside(new))

        def unlink(self, path: str) -> None:
            super().unlink(path)
            with suppress(FileNotFoundError):
                super().unlink(_beside(path))

        def rmdir(self, path: str) -> None:
            real = self._real(path)
            if all(name.startswith("._") for name in os.listdir(real)):
                for name in os.listdir(real):
                    os.unlink(os.path.join(real, name))
            super().rmdir(path)
            with suppress(FileNotFoundError):
                super().unlink(_beside(path))

        def _keep_beside(self, path: str) -> None:
            if not os.path.basename(path).startswith("._"):
                with open(self._real(_beside(path)), "wb") as file:
                    file.write(b"\0\5\x16\7" + bytes(4092))

    return Foreign


def _beside(path: str) -> str:
    return os.path.join(os.path.dirname(path), f"._{os.path.basename(path)}")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFD", name).casefold()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
