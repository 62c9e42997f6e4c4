"""A card that is closed until it is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlx_convert_ui.widgets.components import Tag, block


@contextmanager
def folded(title: str, mark: str) -> Iterator[None]:
    """Draw what follows inside; ``mark`` names it."""
    with block("card card-folded", "section", label=title), block("advanced", "details").mark(mark):
        with block("", "summary"):
            Tag("h2", title, "card-title")
            Tag("span", "", "advanced-arrow", icon="chevron-down").props("aria-hidden=true")
        with block("advanced-body"):
            yield
