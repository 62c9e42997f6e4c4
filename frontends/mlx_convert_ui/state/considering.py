"""What the page of a model shows that may be converted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import SourceDetails
from mlx_convert_ui.state.finding import Ready, got
from mlx_convert_ui.state.studio import Studio


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A model as it was looked at; ``problem`` says what stood in the way. ``here`` is where it lies on this machine if
    it is in the library as it is, ``ready`` what others have made of it."""

    details: SourceDetails | None = None
    ready: tuple[Ready, ...] = ()
    here: Path | None = None
    problem: MlxConvertError | None = None


def consider(studio: Studio, ref: str) -> Considered:
    """Look at ``ref``. It may wait for a network: call it on a thread."""
    try:
        details = studio.workspace.about(ref)
    except MlxConvertError as error:
        return Considered(problem=error)
    here = got(studio)
    return Considered(
        details=details,
        ready=tuple(Ready(hit=hit, path=here.get(hit.model.ref)) for hit in details.published),
        here=here.get(details.model.repo_id or ""),
    )


def page_about(ref: str) -> str:
    """The address of the page about the model that ``ref`` names."""
    return f"/find?ref={quote(ref, safe='')}"
