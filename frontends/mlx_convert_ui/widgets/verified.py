"""The mark of a model that was tried before it was published; what was seen stands beside it, in words."""

from __future__ import annotations

from mlx_convert_ui.widgets.components import Badge
from mlx_convert_ui.words import _


def verified_badge() -> None:
    """Draw the mark."""
    Badge(_("Verified"), "ok", icon="check").mark("verified")
