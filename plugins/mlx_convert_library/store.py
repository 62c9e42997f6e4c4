"""The list of converted models in one JSON file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import EntryNotFound, JsonDocument, LibraryEntry, LibraryError, RunCommand, expanded, plain
from mlx_convert_library.entries import entries_in, path_of

FILE = "library.json"


class JsonLibrary:
    """`library.json` in ``home``. Implements LibraryStore.

    Safe to use from several processes at once. A damaged file is moved aside and the list rebuilt from what
    it still says and from the model folders; `problem` then says so until the next change.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._stored = 0
        self._read = 0
        self._file = JsonDocument(home / FILE)

    def entries(self) -> tuple[LibraryEntry, ...]:
        """See LibraryStore. Raises LibraryError when the file can't be read."""
        with self._told():
            document = self._file.read()
            if not document and self._file.kept_aside is not None:
                document = self._update(lambda stored: None, mends=True)
        stored = _stored(document)
        read = entries_in(stored)[::-1]
        self._stored, self._read = len(stored), len(read)
        return tuple(sorted(read, key=lambda entry: entry.created, reverse=True))

    @property
    def problem(self) -> str:
        """What had to be mended or can't be read, "" when all is well; ask after `entries`."""
        damaged, told = self._file.began_anew, []
        if damaged is not None:
            told.append(
                f"{FILE} was damaged. It was kept as {damaged}, and the list was rebuilt: "
                f"{self._stored} models were found."
            )
        if self._read < self._stored:
            told.append(f"{self._stored - self._read} of {self._stored} entries in {self._file.path} can't be read.")
        return " ".join(told)

    def add(self, entry: LibraryEntry) -> None:
        """See LibraryStore; fields of the old entry that are not known here stay. Raises LibraryError."""

        def change(document: dict[str, Any]) -> None:
            stored = _stored(document)
            old = [one for one in stored if path_of(one) == entry.path]
            fresh = {**(old[0] if old else {}), **plain(entry)}
            document["entries"] = [*(one for one in stored if one not in old), fresh]

        with self._told():
            self._update(change)

    def remove(self, path: Path) -> None:
        """See LibraryStore."""
        asked = {path, expanded(path).absolute(), expanded(path).resolve()}

        def change(document: dict[str, Any]) -> None:
            stored = _stored(document)
            document["entries"] = [one for one in stored if path_of(one) not in asked]
            if len(document["entries"]) == len(stored):
                raise EntryNotFound(f"{path} is not in the library.", remedies=(RunCommand("library list"),))

        with self._told():
            self._update(change)

    def _update(self, change: Callable[[dict[str, Any]], None], *, mends: bool = False) -> dict[str, Any]:
        """Change the file, after rebuilding it if a damaged one was moved aside."""

        def rebuilt(document: dict[str, Any]) -> None:
            from mlx_convert_library.recovery import recover

            damaged = self._file.kept_aside
            if not document and damaged is not None:
                document["entries"] = recover(damaged, self._home)
            change(document)

        return self._file.update(rebuilt, mends=mends)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise LibraryError(
                "another process has kept the library locked for half a minute.",
                hint=f"End it, or remove {self._file.path}.lock if there is none.",
                code="library_locked",
            ) from None
        except OSError as error:
            raise LibraryError(
                f"{self._file.path} can't be read or written: {error.strerror or error}.",
                hint=f"Make {self._home} writable, or choose another home: MLX_CONVERT_HOME=FOLDER",
                code="library_file",
            ) from error


def _stored(document: dict[str, Any]) -> list[Any]:
    """The objects in the file, oldest first; what is no list counts as one object of a wrong shape."""
    found = document.get("entries", [])
    return found if isinstance(found, list) else [found]
