"""Standard output and standard error: JSON for programs, rich for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from mlx_convert_cli.text import styled

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.table import Table

WIDTH = 100  # a wider terminal does not make lines longer
GAP = 3  # between two columns
NARROW = 24  # the least that text in a last column needs
UNBOUND = 100_000  # in a pipe no line is broken or cut


def print_json(value: Any) -> None:
    """``value`` as one line of JSON on standard output, sent at once."""
    click.echo(msgspec.json.encode(value, enc_hook=_path))


def plain(value: Any) -> Any:
    """``value`` as plain dicts and lists, to add to before it is printed."""
    return msgspec.to_builtins(value, enc_hook=_path)


def console(*, err: bool = False) -> Console:
    """A rich console on standard output or standard error. Nothing that it prints is read as markup."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else UNBOUND
    made = Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)
    if made.width > WIDTH and stream.isatty():
        made.width = WIDTH
    return made


def show(*parts: RenderableType, err: bool = False) -> None:
    """Print for people; on standard output unless ``err``."""
    target = console(err=err)
    if target.is_terminal:
        target.print(*parts, sep="\n")
        return
    with target.capture() as captured:
        target.print(*parts, sep="\n")
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()), err=err)


def table(*columns: str, rows: Iterable[Sequence[RenderableType]], right: Sequence[str] = ()) -> Listing:
    """A quiet table: dim headings, no lines. Columns named in ``right`` hold numbers; the last one may wrap."""
    return Listing(columns, [tuple(row) for row in rows], right)


class Listing:
    """Draws a `table`; where its last column would be too narrow to read, that follows in a table of its own."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[RenderableType]], right: Sequence[str]) -> None:
        self._columns, self._rows, self._right = columns, rows, right

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = _grid(self._columns, self._rows, self._right)
        but_last = _grid(self._columns[:-1], [row[:-1] for row in self._rows], self._right)
        room = options.max_width - console.measure(but_last).maximum - GAP
        last = _grid(self._columns[-1:], [row[-1:] for row in self._rows], self._right)
        if len(self._columns) < 3 or room >= min(NARROW, console.measure(last).maximum):
            yield whole
            return
        ends = (self._columns[0], self._columns[-1])
        yield but_last
        yield ""
        yield _grid(ends, [(row[0], row[-1]) for row in self._rows], self._right)


def _grid(columns: Sequence[str], rows: Iterable[Sequence[RenderableType]], right: Sequence[str]) -> Table:
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim", show_edge=False)
    for name in columns:
        numbers = name in right
        made.add_column(name, justify="right" if numbers else "left", no_wrap=name != columns[-1], overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def pairs(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Names and values, one a line."""
    from rich.table import Table

    made = Table.grid(padding=(0, 3, 0, 0))
    made.add_column(style="cyan", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made


def show_command(label: str, command: str, *, err: bool = False) -> None:
    """A command to copy: a terminal may break its line, we never do."""
    click.echo(f"{label}{styled(command, bold=True)}", err=err)


def say(text: str = "") -> None:
    """A line of talk on standard error."""
    click.echo(text, err=True)


def at_terminal() -> bool:
    """Whether a person can be asked: standard input and standard error are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _path(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} can't be written as JSON")
