"""Pictures and sound that were added to a message which is not sent yet."""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from mlx_convert_core.plugin import Attachment, check_size, sense_of, shown_name

PRIVATE = 0o600


class Attached:
    """Files in a folder for this user alone, gone with this program; each has a key that pages know it by.

    Safe to use from any thread.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: dict[str, Attachment] = {}
        self._lock = threading.Lock()

    def begin(self, name: str) -> Incoming:
        """Take a file that its owner calls ``name``. Raises InvalidRequest for what is no picture and no sound."""
        line = shown_name(name)
        sense_of(Path(line))
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="mlx-convert-attached-", ignore_cleanup_errors=True)
        return Incoming(line, Path(self._folder.name) / f"{secrets.token_hex(16)}{Path(line).suffix.lower()}")

    def add(self, whole: Incoming) -> str:
        """The key of a file that has come."""
        key = whole.path.stem
        self._files[key] = Attachment(name=whole.name, path=whole.path)
        return key

    def get(self, key: str) -> Attachment | None:
        """The file with this key, None when it is not there any more."""
        return self._files.get(key)

    def key(self, file: Attachment) -> str:
        """Its key; "" for a file of another place."""
        return file.path.stem if self._files.get(file.path.stem) == file else ""

    def forget(self, files: tuple[Attachment, ...]) -> None:
        """Remove them: taken away, or kept elsewhere by now."""
        for file in files:
            if self._files.pop(self.key(file), None) is not None:
                file.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all of them."""
        self._files.clear()
        if self._folder is not None:
            self._folder.cleanup()


class Incoming:
    """A file on its way: its name, and where it will lie."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self._size = 0

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file to `write` to; it is removed unless it comes whole."""
        try:
            with open(self.path, "xb", opener=partial(os.open, mode=PRIVATE)) as file:
                yield file
        except BaseException:
            self.path.unlink(missing_ok=True)
            raise

    def write(self, file: BinaryIO, piece: bytes) -> None:
        """Add ``piece``. Raises InvalidRequest when the file is larger than one may be."""
        self._size += len(piece)
        check_size(Path(self.name), self._size)
        file.write(piece)
