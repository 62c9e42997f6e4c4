"""Recipes on the page: a model's as text, and one read from a file into the form."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core import ConvertRequest, InvalidRequest, load_recipe, to_json
from mlx_convert_core.plugin import Sources, recipe_of
from mlx_convert_ui.words import _


def recipe_text(folder: Path, sources: Sources) -> str:
    """The recipe of the model in ``folder`` as a person may share it. Reads the disk: call it on a thread."""
    return to_json(recipe_of(folder, sources.shareable), indent=True).decode()


def recipe_request(path: Path, ref: str = "") -> ConvertRequest:
    """The request in a recipe file, for its own model or else for ``ref``. Raises MlxConvertError."""
    recipe = load_recipe(path)
    if not recipe.ref and not ref:
        raise InvalidRequest(
            _("{file} names no model.", file=path.name),
            hint=_("Name one on the Convert page first, then import the recipe there."),
            code="recipe",
        )
    return recipe.request("" if recipe.ref else ref)
