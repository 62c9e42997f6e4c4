"""A disk on which ``Smol`` and ``SMOL`` are one folder, as on most Macs; on Linux it is made with FUSE.

Run as a program it serves a folder: ``python caseless_disk.py FOLDER MOUNT``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SECONDS = 20.0


@contextmanager
def caseless_disk(place: Path) -> Iterator[Path]:
    """Give a folder on such a disk: ``place`` itself, where it is on one. Skips the test where none can be had."""
    (place / "Disk").mkdir()
    if (place / "dISK").exists():
        yield place / "Disk"
        return
    if not Path("/dev/fuse").exists():
        pytest.skip("needs a disk that ignores case, or FUSE")
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"needs a disk that ignores case, or mfusepy: {error}")
    (place / "stored").mkdir()
    server = subprocess.Popen([sys.executable, __file__, str(place / "stored"), str(place / "Disk")])
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


def _serve(folder: str, mount: str) -> None:
    import mfusepy

    options = dict.fromkeys(("attr_timeout", "entry_timeout", "negative_timeout", "ac_attr_timeout"), 0)
    mfusepy.FUSE(_disk(mfusepy)(folder), mount, foreground=True, nothreads=True, use_ino=True, **options)


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


def _folded(name: str) -> str:
    return unicodedata.normalize("NFD", name).casefold()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
