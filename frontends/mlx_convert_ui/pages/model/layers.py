"""The layers of a model as strips: a row for each kind, a colour for each number of bits, and the same in words."""

from __future__ import annotations

from itertools import groupby

from mlx_convert_core.plugin import LayerRow, StoredLayer, layer_rows, units
from mlx_convert_ui.widgets.components import Tag, block, card
from mlx_convert_ui.widgets.tables import table_head
from mlx_convert_ui.words import _, plural

_STEPS = (2, 3, 4, 5, 6, 8, 16)  # numbers of bits that have a colour of their own; beyond, the next one's
_SHOWN = 120  # kinds of layers that are drawn


def layers_card(layers: tuple[StoredLayer, ...]) -> None:
    """Draw them; nothing where none are known."""
    rows = layer_rows(layers)
    if not rows:
        return
    with card(_("Layers"), _("Bits of each, from the first block on the left to the last on the right.")):
        _legend({bits for row in rows for bits in row.bits})
        with Tag("table", "", "list-table plain-table layers-table", label=_("Layers")):
            table_head((_("Layer"), _("Blocks"), _("Stored as"), _("Size")), numbers=(_("Size"),))
            with block("", "tbody"):
                for row in rows[:_SHOWN]:
                    _row(row)
        if len(rows) > _SHOWN:
            more = plural(
                "… and {count:,} more kind of layers", "… and {count:,} more kinds of layers", len(rows) - _SHOWN
            )
            Tag("p", more, "muted")
        vectors = [layer for layer in layers if layer.vector]
        if vectors:
            size = units.size(sum(layer.nbytes for layer in vectors))
            rest = plural(
                "Also {count:,} vector (norms, biases), {size}.",
                "Also {count:,} vectors (norms, biases), {size}.",
                len(vectors),
                size=size,
            )
            Tag("p", rest, "muted layers-rest")


def _row(row: LayerRow) -> None:
    with block("", "tr").mark("layer-row"):
        Tag("th", row.name, "list-name mono").props("scope=row")
        with Tag("td", "", "strip-cell").attribute("data-name", _("Blocks")):
            Tag("div", "", "strip").props("aria-hidden=true").style["--strip"] = _strip(row.bits)
            Tag("span", f"{len(row.bits):,}", "unseen")
        Tag("td", row.words, "words").attribute("data-name", _("Stored as"))
        Tag("td", units.size(row.nbytes), "number").attribute("data-name", _("Size"))


def _legend(bits: set[int]) -> None:
    with block("legend").props("aria-hidden=true"):
        for one in sorted(bits):
            with block("legend-item", "span"):
                Tag("span", "", "strip legend-mark").style["--strip"] = _strip((one,))
                Tag("span", plural("{count} bit", "{count} bits", one))


def _strip(bits: tuple[int, ...]) -> str:
    """A gradient of hard steps, one for each run of blocks with the same bits. Made of numbers alone."""
    parts, start = [], 0
    for one, run in groupby(bits):
        end = start + len(tuple(run))
        colour = f"var(--bits-{next((step for step in _STEPS if one <= step), _STEPS[-1])})"
        parts.append(f"{colour} {100 * start / len(bits):.3f}% {100 * end / len(bits):.3f}%")
        start = end
    return f"linear-gradient(to right, {', '.join(parts)})"
