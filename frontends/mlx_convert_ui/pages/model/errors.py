"""What rounding each layer of a model was measured to do: a bar for each block, and the same in a table."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from mlx_convert_core.plugin import ErrorRow, Record, error_rows
from mlx_convert_ui.widgets.charts import AXIS, BASE, chart
from mlx_convert_ui.widgets.components import card
from mlx_convert_ui.widgets.tables import plain_table
from mlx_convert_ui.words import _

_KINDS = 8  # of layers that have a colour of their own; the others are drawn as one
_BLOCKS = 512  # that are drawn


def errors_card(record: Record) -> None:
    """Draw them, where the bits of layers were chosen by what they do; nothing elsewhere."""
    chosen = record.chosen
    known = chosen.errors if chosen is not None else {}
    rows = error_rows({path: error for path, error in known.items() if isfinite(error) and error >= 0})
    if chosen is None or not rows:
        return
    unit = _("Divergence (nats)") if chosen.measure == "output" else _("Error of the layer")
    with card(
        _("What rounding does"),
        _("How much rounding each layer alone was expected to change the answers, when its bits were chosen."),
    ):
        in_blocks = [row for row in rows if row.worst is not None]
        if in_blocks:
            named = _("What rounding does, block by block; the table below has the numbers")
            chart(_options(in_blocks, unit), named).mark("errors-chart")
        cells = [(row.name, f"{row.error:.3g}", "–" if row.worst is None else f"{row.worst}") for row in rows]
        plain_table(_("What rounding does"), (_("Layer"), unit, _("Most in block")), cells, code=True)


def _options(rows: Sequence[ErrorRow], unit: str) -> dict[str, Any]:
    blocks = sorted({block for row in rows for block in row.blocks if block is not None})[:_BLOCKS]
    series = [_bars(row.name, [row], blocks) for row in rows[:_KINDS]]
    if rows[_KINDS:]:
        series.append(_bars(_("others"), rows[_KINDS:], blocks))
    return {
        **BASE,
        "legend": {"type": "scroll", "bottom": 0, "textStyle": {"color": "var(--text-2)"}},
        "grid": {"left": 72, "right": 28, "top": 20, "bottom": 76},
        "xAxis": {**AXIS, "type": "category", "data": blocks, "name": _("Block"), "nameGap": 26},
        "yAxis": {**AXIS, "type": "value", "name": unit, "nameGap": 54},
        "series": series,
    }


def _bars(name: str, rows: Sequence[ErrorRow], blocks: Sequence[int]) -> dict[str, Any]:
    """What the layers of ``rows`` do in each block, on top of the others."""
    values = dict.fromkeys(blocks, 0.0)
    for row in rows:
        for block, error in zip(row.blocks, row.errors, strict=True):
            if block in values:
                values[block] += error
    return {"type": "bar", "stack": "all", "name": name.rpartition("*.")[2], "data": list(values.values())}
