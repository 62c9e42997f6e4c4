"""The mark of a model that was tried before it was published; what was seen is said with it."""

from __future__ import annotations

from mlx_convert_ui.widgets.components import Badge, tooltip


def verified_badge(facts: tuple[str, ...]) -> None:
    """Draw the mark; nothing for a model of which nothing is verified."""
    if not facts:
        return
    badge = Badge("Verified", "ok", icon="check").mark("verified").props("tabindex=0 role=img")
    badge.attribute("aria-label", f"Verified: {', '.join(facts)}")
    tooltip(badge, f"Before it was published: {', '.join(facts)}.")
