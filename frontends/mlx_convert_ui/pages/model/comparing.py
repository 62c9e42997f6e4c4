"""The figures of a model, and how it compares with the others of its source: size, KL divergence, speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlx_convert_core.plugin import MeasuredModel, ModelDetails, figures_in, groups_in, is_stale, units
from mlx_convert_ui import wording
from mlx_convert_ui.state.library_rows import page_of
from mlx_convert_ui.state.naming import differing
from mlx_convert_ui.widgets.charts import AXIS, BASE, chart
from mlx_convert_ui.widgets.components import Tag, address_of, block, card
from mlx_convert_ui.widgets.tables import plain_table
from mlx_convert_ui.words import N_, _, joined

KL, SPEED = "kl_mean", "generation_tokens_per_second"
_COLUMNS = (N_("Model"), N_("Size"), N_("Bits per weight"), N_("KL divergence"), N_("Perplexity"), N_("Tokens/s"))
_FIGURES = (KL, "perplexity", SPEED)
# Names that have little in common are long; what is close to its source would stand on the axis.
_PLACED = {"width": 150, "overflow": "truncate", "offset": [0, -8]}  # pixels
_ABOUT = {
    "verdict": N_("Verdict"),
    "against": N_("Against"),
    "text": N_("Text"),
    "device": N_("Device"),
    "measured": N_("Measured"),
}


def comparing_card(details: ModelDetails, actions: Callable[[], None]) -> None:
    """Draw them, with ``actions`` to measure below."""
    with card(_("Measurements")):
        _own(details)
        others = details.measured
        if len(others) > 1:
            Tag("h3", _("All models made from {source}", source=details.entry.source), "sub-title")
            _chart(others, details)
            _table(others, details)
        actions()


def _own(details: ModelDetails) -> None:
    groups = groups_in(details.entry.measurements)
    if not groups:
        Tag("p", _("Nothing was measured yet."), "muted")
    for name, group in groups.items():
        rows = [(figure.title, figure.words) for figure in figures_in(group)]
        title = name.capitalize() if name else _("Figures")
        plain_table(title, (title, _("Value")), rows)
        about = " · ".join(f"{_(title)}: {_about(key, group[key])}" for key, title in _ABOUT.items() if key in group)
        Tag("p", about, "muted measured-about")
        if is_stale(group, details.entry.path):
            Tag("p", _("Measured before the weights were changed."), "muted")


def _about(key: str, value: Any) -> str:
    return wording.day(value) or value if key == "measured" else str(value)


def _table(models: Sequence[MeasuredModel], details: ModelDetails) -> None:
    with Tag("table", "", "list-table plain-table", label=_("Models of the same source")):
        with block("", "thead"), block("", "tr"):
            for column in _COLUMNS:
                Tag("th", _(column)).props("scope=col")
        with block("", "tbody"):
            for one in models:
                with block("", "tr"):
                    with Tag("th", "", "list-name").props("scope=row"):
                        _name(one, here=one.entry.path == details.entry.path)
                    cells = (units.size(one.entry.size), units.bits(one.entry.bits_per_weight), *_figures(one))
                    for column, text in zip(_COLUMNS[1:], cells, strict=True):
                        Tag("td", text or "–").attribute("data-name", _(column))
    texts = {one.text for one in models if one.text}
    if len(texts) > 1:
        named = ", ".join(sorted(texts))
        Tag("p", _("Measured with different texts ({names}): these figures don't compare.", names=named), "muted")


def _name(one: MeasuredModel, *, here: bool) -> None:
    if here:
        Tag("span", _("{name} (this one)", name=one.entry.name), "list-strong")
    else:
        Tag("a", one.entry.name, "list-strong").attribute("href", address_of(page_of(one.entry.path)))


def _figures(one: MeasuredModel) -> tuple[str, ...]:
    return tuple(one.figures[name].words if name in one.figures else "" for name in _FIGURES)


def _chart(models: Sequence[MeasuredModel], details: ModelDetails) -> None:
    """Size against KL divergence, a larger mark for a faster model; nothing below two measured ones."""
    shown = [one for one in models if one.value(KL) is not None]
    if len(shown) < 2:
        return
    fastest = max((one.value(SPEED) or 0.0) for one in shown)
    scale, unit = (1e9, "GB") if max(one.entry.size for one in shown) >= 1e9 else (1e6, "MB")
    shorts = differing([one.entry.name for one in shown])
    middle = (max(one.entry.size for one in shown) + min(one.entry.size for one in shown)) / 2
    points = [
        _point(one, short, fastest, scale)
        | {"itemStyle": {"color": "var(--accent)" if one.entry.path == details.entry.path else "var(--text-3)"}}
        | {"label": {"position": "left" if one.entry.size > middle else "right"}}  # on no other mark
        for one, short in zip(shown, shorts, strict=True)
    ]
    Tag("p", _("Further down is closer to the source. A larger mark answers faster."), "field-hint")
    chart(_options(points, unit), _("Size against KL divergence; the table below has the numbers")).mark("chart")


def _point(one: MeasuredModel, short: str, fastest: float, scale: float) -> dict[str, Any]:
    speed = one.value(SPEED)
    return {
        "name": joined(short, units.speed(speed) if speed else ""),
        "value": [round(one.entry.size / scale, 3), one.value(KL)],
        "symbolSize": 10 + (16 * speed / fastest if speed and fastest else 0),
    }


def _options(points: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    # A tenth of the span is free at each side, so that no mark or label stands on the edge; below nothing is nothing.
    axis = {**AXIS, "type": "value", "scale": True, "boundaryGap": ["10%", "10%"], "splitNumber": 4}
    return {
        **BASE,
        "grid": {"left": 64, "right": 28, "top": 32, "bottom": 48},
        "xAxis": {**axis, "boundaryGap": ["18%", "18%"], "name": _("Size ({unit})", unit=unit), "nameGap": 28},
        "yAxis": {**axis, "min": 0, "name": _("KL divergence (nats)"), "nameGap": 44},
        "series": [
            {
                "type": "scatter",
                "data": points,
                "label": {"show": True, "formatter": "{b}", "color": "var(--text)", **_PLACED},
                "labelLayout": {"moveOverlap": "shiftY", "hideOverlap": True},
            }
        ],
    }
