"""Names that a module hands out, each imported when it is asked for: it has many, and a command needs few of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(module: str, places: Mapping[str, str]) -> tuple[list[str], Callable[[str], Any]]:
    """What becomes ``__all__`` and ``__getattr__`` (PEP 562) of ``module``.

    ``places`` has the names, separated by spaces, by the module that each is imported from. Constants come first, then
    classes, then functions.
    """
    where = {name: place for place, names in places.items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        place = import_module(where[name])
        value = getattr(place, name) if hasattr(place, name) else import_module(f"{where[name]}.{name}")
        setattr(sys.modules[module], name, value)  # the next time nobody asks here
        return value

    return sorted(where, key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name)), find
