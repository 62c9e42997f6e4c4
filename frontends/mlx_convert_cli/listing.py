"""Tables without lines: dim headings, columns as wide as their texts, and ten thousand rows in a blink.

A last column that has no room wraps; where it would be too narrow to read, it follows in a table of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from operator import le
from typing import TYPE_CHECKING, NamedTuple

from mlx_convert_cli.text import Styled, printable, styled

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Cell = str | Styled
Line = list[Cell]  # its parts, one after the other
GAP = 3  # between two columns
NARROW = 24  # the least that text in a last column needs


class Listing:
    """A table of ``rows``, each a cell for every column. Columns named in ``right`` hold numbers."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]], right: Sequence[str] = ()) -> None:
        self._columns, self._right = tuple(columns), tuple(right)
        measured = [_measured(column) for column in zip(self._columns, *rows, strict=True)]
        _, *self._rows = zip(*(column.cells for column in measured), strict=True)
        self._widths = list(zip(*(column.widths for column in measured), strict=True))
        self._most = tuple(max(column.widths) for column in measured)
        self._plain = all(column.plain for column in measured)

    def lines(self, width: int) -> Iterator[Line]:
        """The lines, none wider than ``width``."""
        *others, last = self._most
        room = width - sum(others) - GAP * len(others)
        if len(others) >= 2 and room < min(NARROW, last):
            yield from self._part(slice(0, -1)).lines(width)
            yield []
            yield from self._part(slice(0, None, len(others))).lines(width)  # the first column, to tell the rows by
            return
        if others and room < min(NARROW // 2, last):  # of two columns both give way
            others[0] = max(1, width - GAP - min(NARROW // 2, last))
            room = width - others[0] - GAP
        yield from self._drawn((*others, min(last, max(1, room))))

    def _part(self, columns: slice) -> Listing:
        return Listing(self._columns[columns], (row[columns] for row in self._rows), self._right)

    def _drawn(self, widths: tuple[int, ...]) -> Iterator[Line]:
        right = [name in self._right for name in self._columns]
        heading = tuple(styled(name, dim=True) for name in self._columns)
        if self._plain and self._most == widths:  # nothing to fold, or to color
            yield _line(heading, self._widths[0], widths, right)
            line = (" " * GAP).join(f"%{width if side else -width}s" for width, side in zip(widths, right, strict=True))
            yield from ([(line % row).rstrip()] for row in self._rows)
            return
        for row, taken in zip((heading, *self._rows), self._widths, strict=True):
            if all(map(le, taken, widths)) and not any(map(_breaks, row)):
                yield _line(row, taken, widths, right)
                continue
            for cells in zip_longest(*map(_folded, row, widths), fillvalue=""):
                yield _line(cells, tuple(map(_width, cells)), widths, right)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment
        from rich.style import Style

        for line in self.lines(options.max_width):
            for part in line:
                look = part.look if isinstance(part, Styled) else {}
                style = Style(color=look.get("fg"), bold=look.get("bold"), dim=look.get("dim"))
                yield Segment(_text(part), style if look else None)
            yield Segment.line()


class _Column(NamedTuple):
    """The cells of a column as they are printed, the heading first, and their widths; ``plain``: in ASCII, no looks."""

    cells: tuple[Cell, ...]
    widths: tuple[int, ...]
    plain: bool


def _measured(column: tuple[Cell, ...]) -> _Column:
    """What ``column`` takes: of plain words, which most of ten thousand rows are, all at once."""
    words = [cell for cell in column if isinstance(cell, str)]
    text = "".join(words)
    if len(words) == len(column) and text.isascii() and text.isprintable():
        return _Column(column, tuple(map(len, words)), plain=True)
    cells = tuple(map(_clean, column))
    return _Column(cells, tuple(map(_width, cells)), plain=False)


def _line(cells: Sequence[Cell], taken: Sequence[int], widths: Sequence[int], right: Sequence[bool]) -> Line:
    line: Line = []
    blank = 0
    for cell, used, width, numbers in zip(cells, taken, widths, right, strict=True):
        spare = width - used
        blank += spare if numbers else 0
        if used:
            line += [" " * blank, cell]
            blank = 0
        blank += GAP if numbers else spare + GAP
    plain = [part for part in line if isinstance(part, str)]
    return ["".join(plain)] if len(plain) == len(line) else line


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _breaks(cell: Cell) -> bool:
    return "\n" in (cell if isinstance(cell, str) else cell.text)


def _clean(cell: Cell) -> Cell:
    """``cell`` as it is printed, so that its width can be told."""
    text = _text(cell)
    shown = printable(text).expandtabs() if not text.isprintable() else text
    return cell if shown == text else shown if isinstance(cell, str) else Styled(shown, cell.look)


def _width(cell: Cell) -> int:
    """In cells of a terminal, of which a letter of Chinese takes two; of the longest line."""
    if isinstance(cell, str) and cell.isascii() and "\n" not in cell:
        return len(cell)
    text = _text(cell)
    if text.isascii():
        return len(text) if "\n" not in text else max(map(len, text.split("\n")))
    from rich.cells import cell_len

    return max(map(cell_len, text.split("\n")))


def _folded(cell: Cell, width: int) -> list[Cell]:
    """``cell`` in lines of at most ``width``, broken after words where they fit."""
    lines = [piece for line in _text(cell).split("\n") for piece in _pieces(line, width)]
    return [line if isinstance(cell, str) else Styled(line, cell.look) for line in lines]


def _pieces(line: str, width: int) -> Iterator[str]:
    while _width(line) > width:
        end = max(1, next(end for end in range(len(line), 0, -1) if _width(line[:end]) <= width or end == 1))
        space = line.rfind(" ", 0, end + 1)
        end = space if space > 0 else end
        yield line[:end].rstrip(" ")
        line = line[end:].lstrip(" ")
    yield line
