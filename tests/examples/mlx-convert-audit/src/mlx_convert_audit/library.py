"""The list of converted models in a SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from mlx_convert_core.plugin import EntryNotFound, LibraryEntry


class SqliteLibrary:
    """Implements LibraryStore."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def entries(self) -> tuple[LibraryEntry, ...]:
        """See LibraryStore."""
        with self._table() as table:
            rows = table.execute("SELECT entry FROM models ORDER BY created DESC").fetchall()
        return tuple(_entry(json.loads(row)) for (row,) in rows)

    def add(self, entry: LibraryEntry) -> None:
        """See LibraryStore."""
        row = (str(entry.path), entry.created, json.dumps(asdict(entry), default=str))
        with self._table() as table:
            table.execute("INSERT OR REPLACE INTO models VALUES (?, ?, ?)", row)

    def remove(self, path: Path) -> None:
        """See LibraryStore."""
        with self._table() as table:
            if not table.execute("DELETE FROM models WHERE path = ?", (str(path),)).rowcount:
                raise EntryNotFound(f"{path} is not in the library.", hint="See `mlx-convert library list`.")

    @contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._file)
        try:
            with connection:
                connection.execute("CREATE TABLE IF NOT EXISTS models (path PRIMARY KEY, created, entry)")
                yield connection
        finally:
            connection.close()


def _entry(data: dict[str, object]) -> LibraryEntry:
    return LibraryEntry(**{**data, "path": Path(str(data["path"]))})  # type: ignore[arg-type]
