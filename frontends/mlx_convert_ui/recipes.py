"""Recipes on the page: a model's as text, and one read from a file into the form."""

from __future__ import annotations

import json
from pathlib import Path


def recipe_text(folder: Path) -> str:
    """The recipe of the model in ``folder`` as a person may share it. Reads the disk: call it on a thread."""
    from mlx_convert_core import recipe_of

    return json.dumps(recipe_of(folder), indent=2, ensure_ascii=False) + "\n"
