"""The architectures whose GGUF files can be turned back into a checkpoint: a file with a table each.

A new one is a new file here with an `Architecture` called ``ARCHITECTURE``; nothing else names it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlx_convert_gguf.architecture import Architecture


def architecture_for(name: str, *, experts: bool) -> Architecture | None:
    """The table of what GGUF files call ``name``, with or without experts."""
    return _tables().get((name, experts))


def names() -> list[str]:
    """What GGUF files call the architectures that have a table, in order."""
    return sorted({name for name, _ in _tables()})


@cache
def _tables() -> dict[tuple[str, bool], Architecture]:
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    tables = [module.ARCHITECTURE for module in modules]
    return {(table.name, table.experts): table for table in tables}
