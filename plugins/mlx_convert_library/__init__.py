"""Built-in plugin: the library, kept as `library.json` in the home folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.plugin import hookimpl

if TYPE_CHECKING:
    from mlx_convert_core.plugin import LibraryStore


@hookimpl(trylast=True)
def library_store(home: Path) -> LibraryStore | None:
    """Keep the list in ``home/library.json``."""
    from mlx_convert_library.store import JsonLibrary

    return JsonLibrary(home)
