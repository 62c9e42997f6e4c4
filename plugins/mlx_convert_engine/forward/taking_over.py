"""Modules that do something else when they are called, and are the same in all other respects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Replacement = Callable[..., Any]
"""Takes the module, the method that it replaces (unbound, to be called with the module) and the arguments."""


@contextmanager
def taken_over(module: Any, replacement: Replacement, *methods: str) -> Iterator[None]:
    """Have ``replacement`` answer calls of ``methods`` of ``module`` during the body.

    Python looks for ``__call__`` at the class, so the module gets a subclass of its own class for the time: attribute
    reads, isinstance and sharing of the module stay as they are. Bodies nest; the innermost is asked first.
    """
    before = type(module)
    take_over(module, replacement, *methods)
    try:
        yield
    finally:
        module.__class__ = before


def take_over(module: Any, replacement: Replacement, *methods: str) -> None:
    """Have ``replacement`` answer calls of ``methods`` of ``module`` from now on."""
    before = type(module)
    members = {name: _answering(replacement, getattr(before, name)) for name in methods if hasattr(before, name)}
    module.__class__ = type(before.__name__, (before,), {"__module__": before.__module__, **members})


def _answering(replacement: Replacement, original: Any) -> Callable[..., Any]:
    def answer(module: Any, *args: Any, **kwargs: Any) -> Any:
        return replacement(module, original, *args, **kwargs)

    return answer
