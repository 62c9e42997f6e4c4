"""What is to be seen at a glance of a model that was found."""

from __future__ import annotations

from collections.abc import Iterator

from mlx_convert_core.plugin import SearchHit
from mlx_convert_ui.widgets.fitting import TONES


def badges(hit: SearchHit) -> Iterator[tuple[str, str, str]]:
    """Text, tone and icon of what is to be seen at a glance."""
    if hit.model.ready:
        yield (f"MLX, {hit.model.bits}-bit" if hit.model.bits else "MLX"), "busy", ""
    elif hit.refused is not None:
        yield "Not supported", "bad", "x"
    if hit.fit is not None and (hit.refused is None or hit.model.ready):
        yield hit.fit.words, TONES[hit.fit.verdict], ""
    if hit.model.gated:
        yield "Asks for access", "", "lock"
