"""A plain table: rows of text beside each other on a wide screen, cards on a narrow one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlx_convert_ui.widgets.components import Tag, block


def plain_table(name: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, code: bool = False) -> None:
    """Draw ``rows`` below ``columns``; the first column names its row, as ``code`` where that is a path or a tensor."""
    with Tag("table", "", "list-table plain-table", label=name):
        table_head(columns)
        with block("", "tbody"):
            for first, *others in rows:
                with block("", "tr"):
                    name = Tag("th", first, "list-name").props("scope=row")
                    if code:
                        name.classes("mono")
                    for column, text in zip(columns[1:], others, strict=True):
                        Tag("td", text or "–").attribute("data-name", column)


def table_head(columns: Sequence[str], *, numbers: Sequence[str] = ()) -> None:
    """The headings of a table; those of ``numbers`` stand at the end, above what is written flush there."""
    with block("", "thead"), block("", "tr"):
        for column in columns:
            head = Tag("th", column).props("scope=col")
            if column in numbers:
                head.classes("number")
