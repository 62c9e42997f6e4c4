"""What a source tells of its model to people, besides what inspecting it shows."""

from __future__ import annotations

from dataclasses import dataclass

from mlx_convert_core.model.found import FoundModel


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAbout:
    """What a source tells of its model to people: the text of its card, in Markdown without the front matter, and what
    its list of models says of it. All of it is a stranger's text."""

    card: str = ""
    found: FoundModel | None = None
