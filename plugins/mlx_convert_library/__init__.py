"""Built-in plugin: the library, kept as `library.json` in the home folder."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core.plugin import LibraryStore, hookimpl
from mlx_convert_library.store import JsonLibrary


@hookimpl(trylast=True)
def library_store(home: Path) -> LibraryStore | None:
    """Keep the list in ``home/library.json``."""
    return JsonLibrary(home)
