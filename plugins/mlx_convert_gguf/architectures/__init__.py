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


@cache
def architectures() -> dict[str, Architecture]:
    """Every table, by the name that GGUF files give the architecture."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return {module.ARCHITECTURE.name: module.ARCHITECTURE for module in modules}
