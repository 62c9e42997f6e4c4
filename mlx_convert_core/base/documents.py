"""Small JSON files in the home folder: atomic, locked between processes, never silently lost."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from glob import escape
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core.base.codec import decode, to_json
from mlx_convert_core.base.flushing import flush
from mlx_convert_core.base.limits import HOME_BYTES
from mlx_convert_core.base.private import FILE_MODE, private_folder
from mlx_convert_core.base.system_files import is_system_file
from mlx_convert_core.refusals import naming

if TYPE_CHECKING:
    from filelock import FileLock

STAMP = "%Y%m%d-%H%M%S"
WRITE_SECONDS = 3600.0  # no write takes so long: the process with that number is another one by now
_NEWS = ".began-anew"
_NAMED = re.compile(rf"\.(.+){re.escape(_NEWS)}", re.DOTALL).fullmatch
_TEMPORARY = re.compile(r"\.(.+)\.(\d{1,10})\.tmp", re.DOTALL)


class JsonDocument:
    """A JSON object in a file that only its owner may read, with a schema version. Unknown fields stay as they are.

    A damaged file is moved aside (`moved_aside` says where) and the document starts empty again. That is news, in every
    program, until the document is changed the next time: `began_anew`. The change that finds the damage leaves it news.
    ``lock`` is the file by which programs keep each other out; left out, one beside the document. It stays for good:
    whoever waits for one that is gone would not keep out the next, who makes it anew.
    """

    def __init__(self, path: Path, *, schema: int = 1, lock: Path | None = None) -> None:
        self.path = path
        self._lock_file = lock or path.with_name(f"{path.name}.lock")
        self.schema = schema
        self.moved_aside: Path | None = None

    @property
    def kept_aside(self) -> Path | None:
        """The newest of the damaged files that were moved aside, by whichever program."""
        return max(self.path.parent.glob(f"{self.path.name}.damaged-*"), default=None)

    @property
    def began_anew(self) -> Path | None:
        """The damaged file that was moved aside, None once the document has been changed since."""
        return self.kept_aside if _news_of(self.path).exists() else None

    def read(self) -> dict[str, Any]:
        """The document, {} when there is none yet."""
        if not self.path.exists():
            return {}
        try:
            return self._parsed()
        except FileNotFoundError:  # another process is just moving a damaged one aside
            return {}
        except (ValueError, RecursionError):
            with self._lock():
                return self._read_locked()

    def update(self, change: Callable[[dict[str, Any]], None], *, mends: bool = False) -> dict[str, Any]:
        """Read, ``change`` in place and write back, with other processes kept out; the new document.

        One that only ``mends`` what was damaged leaves it news.
        """
        private_folder(self.path.parent)
        with self._lock():
            known = _news_of(self.path).exists()
            document = self._read_locked()
            change(document)
            document["schema"] = self.schema
            write_atomic(self.path, to_json(document, indent=True), mode=FILE_MODE)
            if known and not mends:
                _news_of(self.path).unlink(missing_ok=True)
        return document

    def delete(self) -> None:
        """Delete it, once nobody is changing it. Raises FileNotFoundError."""
        with self._lock():
            self.path.unlink()

    def _lock(self) -> FileLock:
        from filelock import FileLock

        return FileLock(self._lock_file, timeout=30)

    def _parsed(self) -> dict[str, Any]:
        """The document; raises ValueError when it is none, or larger than any (HOME_BYTES)."""
        with self.path.open("rb") as file:
            data = file.read(HOME_BYTES + 1)
        if len(data) > HOME_BYTES:
            raise ValueError(f"{self.path.name} has more than {HOME_BYTES:,} bytes")
        document: dict[str, Any] = decode(data, dict[str, Any])
        return document

    def _read_locked(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        try:
            return self._parsed()
        except (ValueError, RecursionError):
            self.moved_aside = _free_name(self.path.with_name(f"{self.path.name}.damaged-{time.strftime(STAMP)}"))
            _news_of(self.path).touch(FILE_MODE)
            self.path.rename(self.moved_aside)
            return {}


def began_anew(folder: Path) -> list[Path]:
    """The damaged files of documents in ``folder`` that were moved aside, until `no_news`; sorted."""
    documents = (JsonDocument(folder / match[1]) for path in folder.glob(f".*{_NEWS}") if (match := _NAMED(path.name)))
    return sorted(aside for document in documents if (aside := document.began_anew) is not None)


def no_news(folder: Path) -> None:
    """Say no more of the documents in ``folder`` that they were damaged: there has been a change since."""
    for path in folder.glob(f".*{_NEWS}"):
        path.unlink(missing_ok=True)


def _news_of(path: Path) -> Path:
    """The empty file that stands beside a document that began anew."""
    return path.with_name(f".{path.name}{_NEWS}")


def unfinished_write(path: Path) -> str:
    """The name of the file that a write which was killed left ``path`` of, "" when it is something else."""
    match = _TEMPORARY.fullmatch(path.name)
    if not match or is_system_file(path.name) or path.is_symlink() or not path.is_file():
        return ""
    import psutil

    old = time.time() - path.stat().st_mtime > WRITE_SECONDS
    return match[1] if old or not psutil.pid_exists(int(match[2])) else ""


def _free_name(path: Path) -> Path:
    """``path``, or the first of ``path-2``, ``path-3`` … that is not taken."""
    names = chain([path], (path.with_name(f"{path.name}-{number}") for number in count(2)))
    return next(name for name in names if not name.exists())


def write_atomic(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write ``data`` so that ``path`` is either the old or the new whole file, also after a power cut.

    ``mode`` is who may read it, as far as the umask lets them. What a write of the same file left
    behind when it was killed is removed.
    """
    for beside in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        with suppress(OSError):  # another process removes it, too
            if unfinished_write(beside) == path.name:
                beside.unlink()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with naming(path), open(temporary, "wb", opener=partial(os.open, mode=mode)) as file:
            file.write(data)
            file.flush()
            flush(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
