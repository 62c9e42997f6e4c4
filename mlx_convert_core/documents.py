"""Small JSON files in the home folder: atomic, locked between processes, never silently lost."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from mlx_convert_core.codec import encode_pretty


class JsonDocument:
    """A JSON object in a file, with a schema version. Unknown fields stay as they are.

    A damaged file is moved aside (`moved_aside` says where) and the document starts empty again.
    """

    def __init__(self, path: Path, *, schema: int = 1) -> None:
        self.path = path
        self.schema = schema
        self.moved_aside: Path | None = None

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

    def update(self, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Read, ``change`` in place and write back, with other processes kept out; the new document."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock():
            document = self._read_locked()
            change(document)
            document["schema"] = self.schema
            write_atomic(self.path, encode_pretty(document))
        return document

    def _lock(self) -> FileLock:
        return FileLock(f"{self.path}.lock", timeout=30)

    def _parsed(self) -> dict[str, Any]:
        document = json.loads(self.path.read_bytes())
        if not isinstance(document, dict):
            raise ValueError("not an object")
        return document

    def _read_locked(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        try:
            return self._parsed()
        except (ValueError, RecursionError):
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
            self.path.rename(aside)
            self.moved_aside = aside
            return {}


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` so that ``path`` is either the old or the new whole file, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
