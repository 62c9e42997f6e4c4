"""A rich console that sends nothing of others' to the terminal but text."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from mlx_convert_cli.text import printable


class PrintableConsole(Console):
    """Draws as rich does, and makes the text of every segment printable; rich's own control codes stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See Console."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))
