"""A checkpoint that may still be arriving: whole from the start, or shard by shard, and gone again as it is used."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

POLL_SECONDS = 0.1
_EVERYTHING = "\U0010ffff"  # behind every file's name


class Checkpoint:
    """Where the files of a source are, or will be. `folder` waits for all of them, `shard` for one.

    With ``discard`` each weight file is deleted once it is released, and the next ones wait for that.
    """

    def __init__(self, folder: Path | None = None, discard: Callable[[Path], None] | None = None) -> None:
        self._changed = threading.Condition()
        self._folder = folder
        self._discard = discard
        self._shards: dict[str, Path] = {}
        self._released: set[str] = set()
        self._awaited = ""
        self._error: BaseException | None = None

    @property
    def complete(self) -> bool:
        """Whether every file is there now."""
        return self._folder is not None

    @property
    def discards(self) -> bool:
        """Whether weight files are deleted as they are released; `folder` then lacks those."""
        return self._discard is not None

    def folder(self, check_cancelled: Callable[[], None]) -> Path:
        """The folder with every file in it. Raises what stopped the fetch, or Cancelled."""
        self._wait(_EVERYTHING, lambda: self._folder is not None, check_cancelled)
        assert self._folder is not None
        return self._folder

    def shard(self, name: str, check_cancelled: Callable[[], None]) -> Path:
        """The weight file ``name``, whole. Raises what stopped the fetch, or Cancelled."""
        self._wait(name, lambda: self._folder is not None or name in self._shards, check_cancelled)
        if name in self._shards:
            return self._shards[name]
        assert self._folder is not None
        return self._folder / name

    def arrived(self, path: Path) -> bool:
        """Say that the weight file ``path`` is whole; whether there is room for a further one, else ask again."""
        with self._changed:
            new = path.name not in self._shards
            self._shards[path.name] = path
            released = path.name in self._released
            self._changed.notify_all()
            room = self._room()
        if new and released and self._discard is not None:
            self._discard(path)
        return room

    def release(self, name: str) -> None:
        """Say that the weight file ``name``, here or on its way, is needed no more."""
        with self._changed:
            self._released.add(name)
            path = self._shards.get(name)
        if path is not None and self._discard is not None:
            self._discard(path)

    def _room(self) -> bool:
        """Files come in the order of their names: one that is awaited is on its way when a later one is here."""
        if self._discard is None or len(self._shards.keys() - self._released) <= 1:
            return True
        return max(self._shards) < self._awaited

    def finish(self, folder: Path) -> None:
        """Say that ``folder`` holds every file."""
        with self._changed:
            self._folder = folder
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Say that nothing more will come."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _wait(self, name: str, ready: Callable[[], bool], check_cancelled: Callable[[], None]) -> None:
        with self._changed:
            self._awaited = name
            while not ready():
                if self._error is not None:
                    raise self._error
                check_cancelled()
                self._changed.wait(POLL_SECONDS)
            self._awaited = ""
