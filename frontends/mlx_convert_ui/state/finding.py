"""What the Convert page offers to choose from: models by words, or, for none, recent and suggested ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core import LibraryEntry, MlxConvertError, ModelInfo
from mlx_convert_core.plugin import NamedModel, SearchHit, Sources, cached_repo
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A conversion of a model that others have published; ``path`` is where it is on this machine, if it is."""

    hit: SearchHit
    path: Path | None = None


def ready_made(studio: Studio, model: ModelInfo) -> tuple[Ready, ...]:
    """What is published of exactly ``model``, () when nobody can tell. May wait for a network: call it on a thread."""
    try:
        hits = studio.workspace.published(model)
    except MlxConvertError:  # it is beside what was asked
        return ()
    here = got(studio)
    return tuple(Ready(hit=hit, path=here.get(hit.model.ref)) for hit in hits)


def got(studio: Studio) -> dict[str, Path]:
    """Where the models of the library lie that were fetched as they are, by the repo that they are from.

    Reads the disk: call it on a thread.
    """
    return {repo.repo_id: entry.path for entry in studio.entries() if (repo := cached_repo(entry.path)) is not None}


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
