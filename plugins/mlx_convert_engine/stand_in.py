"""A stand-in for a checkpoint that is not here yet, or not any more: real headers, no weights.

The files are sparse: they have the right length and take no space. mlx-lm loads them lazily, which is all
that planning needs.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlx_convert_core.plugin import ModelInfo, file_names, layouts


@contextmanager
def standing_in(model: ModelInfo, files: Iterable[Path] = ()) -> Iterator[Path]:
    """Give a folder like ``model``'s, in which only ``files`` have their content; it is there during the body."""
    with tempfile.TemporaryDirectory(prefix="mlx-convert-plan-") as name:
        folder = Path(name)
        _write_headers(model, folder)
        for path in files:
            (folder / path.name).unlink(missing_ok=True)
            (folder / path.name).symlink_to(path.absolute())
        yield folder


def _write_headers(model: ModelInfo, folder: Path) -> None:
    (folder / file_names.CONFIG).write_text(json.dumps(dict(model.config)))
    for name, layout in layouts(model.tensors, {"format": "pt"}).items():
        with (folder / name).open("wb") as file:
            file.write(layout.header)
            file.truncate(layout.file_bytes)
