"""A stand-in for a checkpoint that is not here yet: real headers, no weights.

The files are sparse: they have the right length and take no space. mlx-lm loads them lazily, which is all
that planning needs.
"""

from __future__ import annotations

import json
from pathlib import Path

from mlx_convert_core import ModelInfo, layouts


def stub_checkpoint(model: ModelInfo, folder: Path) -> None:
    """Write config.json and weight files with ``model``'s tensors, but without their bytes."""
    (folder / "config.json").write_text(json.dumps(dict(model.config)))
    for name, layout in layouts(model.tensors, {"format": "pt"}).items():
        with (folder / name).open("wb") as file:
            file.write(layout.header)
            file.truncate(layout.file_bytes)
