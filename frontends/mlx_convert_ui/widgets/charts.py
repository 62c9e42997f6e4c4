"""How charts look, in both themes: what every one of them has in common, for echarts."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from mlx_convert_ui.widgets.components import attributes

# All text is a page's own font, all colours those of the theme.
BASE: dict[str, Any] = {
    "animation": False,
    "textStyle": {"fontFamily": "Inter, system-ui, sans-serif"},
    "color": [f"var(--chart-{number})" for number in range(1, 10)],
}
AXIS: dict[str, Any] = {
    "nameLocation": "middle",
    "nameTextStyle": {"color": "var(--text-2)"},
    "axisLabel": {"color": "var(--text-2)", "hideOverlap": True},
    "axisLine": {"show": True, "lineStyle": {"color": "var(--line-2)"}},
    "splitLine": {"lineStyle": {"color": "var(--line)"}},
}


def chart(options: dict[str, Any], label: str) -> ui.echart:
    """Draw one; ``label`` says what it shows, and where its numbers stand, to who can't see it."""
    return attributes(ui.echart(options, renderer="svg").classes("chart"), {"role": "img", "aria-label": label})
