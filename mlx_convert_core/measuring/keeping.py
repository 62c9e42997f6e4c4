"""Figures that stay with the model: in its record, and in the library's entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mlx_convert_core.base.identity import same_place
from mlx_convert_core.errors import MlxConvertError
from mlx_convert_core.model.figures import Figure
from mlx_convert_core.plugins.interfaces import LibraryStore
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.writing.record import record_figures


def keep(
    path: Path, group: str, figures: Mapping[str, Figure], library: LibraryStore | None, context: JobContext
) -> None:
    """Keep ``figures`` as the ``group`` of the model in ``path``, instead of older ones.

    A model that another tool made has no record, and gets none. What can't be kept is told; the figures are there.
    """

    try:
        record_figures(path, context.home, group, figures)
    except OSError as error:
        context.message(f"the figures were not written into {path}: {error.strerror or error}.", "warning")
    try:
        for entry in library.entries() if library is not None else ():
            if same_place(entry.path, path):
                library.add(replace(entry, measurements={**entry.measurements, group: dict(figures)}))  # type: ignore[union-attr]
    except MlxConvertError as error:
        context.message(f"the library was not updated: {error.message} {error.hint}", "warning")
