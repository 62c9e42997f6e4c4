"""What the Convert page offers to choose from: models by words, or, for none, recent and suggested ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlx_convert_core import LibraryEntry, MlxConvertError
from mlx_convert_core.plugin import NamedModel, SearchHit, Sources
from mlx_convert_ui.state.studio import Studio

FIRST, MORE = 6, 30  # models that are shown at once, and after "Show more"
RECENT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found for ``words``. ``recent`` are refs that were converted; ``problem`` is why there is less."""

    words: str
    hits: tuple[SearchHit, ...] = ()
    recent: tuple[str, ...] = ()
    near: bool = False
    more: bool = False
    problem: MlxConvertError | None = None


def find(studio: Studio, words: str, preset: str, limit: int) -> Found:
    """Ask the sources, and for no words the library, too. It may wait for a network: call it on a thread."""
    recent = _recent(studio.entries()) if not words else ()
    try:
        found = studio.workspace.search(words, preset=preset, limit=limit + 1)
    except MlxConvertError as error:
        return Found(words=words, recent=recent, problem=error)
    hits = tuple(hit for hit in found.hits if hit.model.ref not in recent)
    return Found(words=words, hits=hits[:limit], recent=recent, near=found.near, more=len(hits) > limit)


def can_be_searched(named: NamedModel, sources: Sources) -> bool:
    """Whether what was typed may be words to search for: no source takes it as it is, nor knows how it goes on."""
    if named.whole or not sources.searched:
        return False
    kind = sources.kinds.get(named.kind)
    return kind is None or kind.search is not None


def _recent(entries: Iterable[LibraryEntry]) -> tuple[str, ...]:
    """What the newest models of the library were made from."""
    made = (entry.source for entry in entries if entry.made_here and entry.source)
    return tuple(dict.fromkeys(made))[:RECENT]
