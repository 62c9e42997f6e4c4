"""What is to be seen at a glance of a model that was found."""

from __future__ import annotations

from collections.abc import Iterator

from mlx_convert_core.plugin import SearchHit
from mlx_convert_ui.widgets.fitting import TONES, fit_words
from mlx_convert_ui.words import _


def badges(hit: SearchHit) -> Iterator[tuple[str, str, str]]:
    """Text, tone and icon of what is to be seen at a glance."""
    if hit.model.ready:
        yield (_("MLX, {bits}-bit", bits=hit.model.bits) if hit.model.bits else "MLX"), "busy", ""
    elif hit.refused is not None:
        yield _("Not supported"), "bad", "x"
    if hit.fit is not None and (hit.refused is None or hit.model.ready):
        yield fit_words(hit.fit), TONES[hit.fit.verdict], ""
    if hit.model.gated:
        yield _("Asks for access"), "", "lock"
