"""Whether a model fits into this machine's memory, as a word with its numbers behind it."""

from __future__ import annotations

from mlx_convert_core.plugin import Fit
from mlx_convert_ui.widgets.components import Badge, Tag, tooltip

TONES = {"runs": "ok", "tight": "warn", "too_large": "bad"}


def fit_badge(fit: Fit) -> None:
    """Draw the word; what it is drawn beside says the numbers."""
    Badge(fit.words, TONES[fit.verdict]).mark("fit")


def show_fit(label: Tag, fit: Fit | None) -> None:
    """Put the word into ``label``, in small print; on hover it says the numbers. Nothing where it is not known."""
    label.show(fit.words if fit is not None else "")
    label.attribute("data-fit", fit.verdict if fit is not None else None)
    if fit is not None and label.props.get("data-tip") != fit.reason:
        tooltip(label, fit.reason)
        label.update()
