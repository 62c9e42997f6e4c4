"""What the comparison came to: a table above the answers, and files to take away."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicegui import ui

from mlx_convert_core.plugin import units
from mlx_convert_ui import wording
from mlx_convert_ui.state.compared import Compared, as_csv, as_json, compared, markdown, share
from mlx_convert_ui.state.comparisons import ShownComparison
from mlx_convert_ui.widgets.components import Button
from mlx_convert_ui.widgets.menus import menu_below
from mlx_convert_ui.widgets.tables import plain_table
from mlx_convert_ui.words import _, given, joined, plural


def summary(shown: ShownComparison) -> None:
    """A row for each model; nothing when none has answered."""
    rows = compared(shown)
    if all(one.tokens is None for one in rows):
        return
    columns = (_("Model"), _("Size"), _("Tokens"), _("Tokens/s"), _("First token after"), _("Differs from model 1"))
    plain_table(_("Summary"), (*columns, _("Same at the start")), map(_row, range(len(rows)), rows))


def export_button(shown: ShownComparison) -> None:
    """Everything as a file, in the form that is chosen."""
    button = Button(_("Export"), None, icon="download", classes="btn-small").mark("export")
    with menu_below(button, _("Export the comparison")) as item:
        item(_("Markdown, to read"), "file-text", partial(_download, shown, markdown, "md")).mark("export-markdown")
        item(_("CSV, for a spreadsheet"), "list-checks", partial(_download, shown, as_csv, "csv")).mark("export-csv")
        item(_("JSON, for programs"), "file-json", partial(_download, shown, as_json, "json")).mark("export-json")


def _download(shown: ShownComparison, form: Callable[[ShownComparison], str], suffix: str) -> None:
    name = wording.file_name(shown.comparison.request.prompt)
    ui.download.content(form(shown).encode(), f"{name}.{suffix}")


def _row(index: int, one: Compared) -> tuple[str, ...]:
    return (
        f"{index + 1} · {one.short}",
        joined(units.size(one.size) if one.size else "", one.quantization),
        "" if one.tokens is None else f"{one.tokens:,}",
        "" if one.tokens_per_second is None else f"{one.tokens_per_second:.1f}",
        "" if one.first_token is None else units.duration(one.first_token),
        _parts(index, one),
        "" if index == 0 or (part := share(one)) is None else f"{part:.0%}",
    )


def _parts(index: int, one: Compared) -> str:
    if index == 0 or one.words_alike is None:
        return given(one.error)
    if one.same:
        return _("Nowhere")
    if not one.words_alike:
        return _("At the first word")
    return plural("After {count:,} word", "After {count:,} words", one.words_alike)
