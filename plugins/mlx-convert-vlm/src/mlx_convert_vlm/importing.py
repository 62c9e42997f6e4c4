"""mlx-vlm for loading models only: imported as where torch is not installed, and what that takes.

It imports transformers, which imports torch wherever that is: 300 MB of memory, and most of the seconds that a small
conversion takes. mlx-vlm itself does not depend on torch, and no class of its models needs it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec

from mlx_convert_core.plugin import resident_memory

UNUSED = ("torch", "torchvision", "torchaudio")


class Importing:
    """What a process has imported for model classes so far."""

    def __init__(self) -> None:
        self.memory = 0
        """Bytes of memory that this takes, all libraries behind mlx-vlm included."""

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Load a model during the body, whose class nobody may have asked for before."""
        before = resident_memory()
        with without_torch():
            yield
        self.memory += max(0, resident_memory() - before)


@contextmanager
def without_torch() -> Iterator[None]:
    """Have transformers, imported by the body, find no torch; it stays at that for the rest of the process.

    Where it is imported already, nothing changes. Only the question whether there is a torch is answered so: whatever
    imports it gets it.
    """
    if "transformers" in sys.modules:
        yield
        return
    find_spec = importlib.util.find_spec

    def hiding(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in UNUSED else find_spec(name, package)

    importlib.util.find_spec = hiding
    try:
        yield
    finally:
        importlib.util.find_spec = find_spec


IMPORTING = Importing()
