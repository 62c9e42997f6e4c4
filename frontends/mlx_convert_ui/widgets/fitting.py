"""Whether a model fits into this machine's memory, as a word with its numbers behind it."""

from __future__ import annotations

from mlx_convert_core.plugin import Fit
from mlx_convert_ui.widgets.components import Badge, tooltip

_TONES = {"runs": "ok", "tight": "warn", "too_large": "bad"}


def fit_badge(fit: Fit) -> None:
    """Draw the word; hover and focus show the numbers."""
    badge = Badge(fit.words, _TONES[fit.verdict]).mark("fit")
    badge.props("tabindex=0")
    tooltip(badge, fit.reason)
