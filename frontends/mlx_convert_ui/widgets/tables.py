"""A plain table: rows of text beside each other on a wide screen, cards on a narrow one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlx_convert_ui.widgets.components import Tag, block


def plain_table(name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Draw ``rows`` below ``columns``; the first column names its row."""
    with Tag("table", "", "list-table plain-table", label=name):
        table_head(columns)
        with block("", "tbody"):
            for first, *others in rows:
                with block("", "tr"):
                    Tag("th", first, "list-name").props("scope=row")
                    for column, text in zip(columns[1:], others, strict=True):
                        Tag("td", text or "–").attribute("data-name", column)


def table_head(columns: Sequence[str]) -> None:
    """The headings of a table."""
    with block("", "thead"), block("", "tr"):
        for column in columns:
            Tag("th", column).props("scope=col")
