"""The mark of a model that was tried before it was published; what was seen stands beside it, in words."""

from __future__ import annotations

from mlx_convert_ui.widgets.components import Badge


def verified_badge() -> None:
    """Draw the mark."""
    Badge("Verified", "ok", icon="check").mark("verified")
