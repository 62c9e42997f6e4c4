"""What the page of a model shows, read from disk on a thread."""

from __future__ import annotations

from dataclasses import dataclass

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import ModelDetails
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.recipes import recipe_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A model as it was read; ``problem`` says what stood in the way, ``recipe`` is "" for one that has none."""

    details: ModelDetails | None = None
    recipe: str = ""
    problem: MlxConvertError | None = None


def read(studio: Studio, model: str) -> Seen:
    """Look into the folder of ``model``, a name or a folder in the library. Reads the disk: call it on a thread."""
    if not model:
        return Seen()
    try:
        details = studio.workspace.details(model)
    except MlxConvertError as error:
        return Seen(problem=error)
    try:
        return Seen(details=details, recipe=recipe_text(details.entry.path, studio.workspace.sources))
    except MlxConvertError:
        return Seen(details=details)
