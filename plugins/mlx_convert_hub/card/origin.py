"""Where a converted model comes from, to tell whether two are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlx_convert_core.plugin import Record, file_names, public_record


@dataclass(frozen=True)
class Origin:
    """From which source and by which recipe a model was made, and the names of the files that came out."""

    source: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    files: frozenset[str] = frozenset()

    def same_as(self, other: Origin | None) -> bool:
        """Whether both came from the same source by the same recipe."""
        return other is not None and (self.source, dict(self.recipe)) == (other.source, dict(other.recipe))


def origin_of(record: Record | None) -> Origin | None:
    """What ``record`` says, None when it says nothing of the kind."""
    if record is None or not record.source.ref or not record.recipe:
        return None
    shown = public_record(record)  # an old one may name a folder of its machine
    return Origin(source=shown.source.ref, recipe=shown.recipe, files=frozenset(record.files))


def has_weights(names: Iterable[str]) -> bool:
    """Whether files of these names are a model, by whomever."""
    return any(name.endswith(file_names.WEIGHT_SUFFIXES) for name in names)
