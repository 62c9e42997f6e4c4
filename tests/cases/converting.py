"""Convert, remember all that was said, and compare what two models compute."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_convert_core import ConvertRequest, MlxConvertError, Workspace

SAME = 1e-3  # of logits, which are about 1


@dataclass(frozen=True, slots=True)
class Converted:
    """``path`` is the model, None when the source was refused; ``said`` has every message and hint."""

    path: Path | None
    said: str

    def says(self, pattern: str) -> bool:
        """Whether ``pattern`` was said, in whatever case."""
        return re.search(pattern, self.said, re.IGNORECASE) is not None


Convert = Callable[..., Converted]


def convert_inline(workspace: Workspace, source: Path | str, below: Path, preset: str, **options: Any) -> Converted:
    """Convert ``source`` to a new folder below ``below``."""
    output = below / f"{len(list(below.iterdir())) if below.exists() else 0}-{preset}"
    request = ConvertRequest(ref=source, preset=preset, output=output, **options)
    try:
        model = workspace.convert(request, inline=True).result().models[0]
    except MlxConvertError as error:
        return Converted(None, f"{error.code}: {error.message} {error.hint}")
    return Converted(model.path, "\n".join(f"{one.code}: {one.message} {one.hint}" for one in model.findings))


def compute_the_same(one: Path | None, other: Path | None) -> bool:
    """Whether two converted models give the same logits, in float32, for some tokens."""
    import numpy as np

    assert one is not None
    assert other is not None
    return float(np.abs(_logits(one) - _logits(other)).max()) < SAME


def _logits(folder: Path) -> Any:
    import mlx.core as mx
    import numpy as np
    from mlx.utils import tree_map
    from mlx_lm.utils import load_model

    model, _ = load_model(folder)
    model.update(tree_map(_exact, model.parameters()))
    tokens = mx.array(np.random.default_rng(1).integers(0, 250, 64)[None])
    return np.array(model(tokens).astype(mx.float32))[0]


def _exact(array: Any) -> Any:
    import mlx.core as mx

    return array.astype(mx.float32) if mx.issubdtype(array.dtype, mx.floating) else array
