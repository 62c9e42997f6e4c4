"""Models to begin with, for somebody who has none in mind: a list that we keep, with its date."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from mlx_convert_core.plugin import FoundModel

FILE = Path(__file__).with_name("suggestions.json")


@cache
def suggested() -> tuple[FoundModel, ...]:
    """Models of several sizes that need no sign-in, the smallest first; asks no network."""
    return tuple(
        FoundModel(
            ref=row["ref"],
            parameters=row["parameters"],
            stored_bytes=row["parameters"] * 2,  # all of them are kept in 16 bits
            config={"model_type": row["model_type"]},
            licence=row["licence"],
            why=row["why"],
        )
        for row in json.loads(FILE.read_text(encoding="utf-8"))["models"]
    )
