"""Standard output and standard error: JSON for programs, words for people.

Everything that people see goes through here and is made printable on its way: names, answers and errors come from
others, and none of them may steer the terminal. Only the looks that we give, by `styled` and by rich, stay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from mlx_convert_cli.listing import GAP, Cell, Listing
from mlx_convert_cli.text import Styled, printable, styled
from mlx_convert_core import to_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

T = TypeVar("T")
WIDTH = 100  # a wider terminal does not make lines longer
_out: TextIO | None = None  # standard output, while `data_only` keeps others from it
UNBOUND = 100_000  # in a pipe no line is broken or cut


@contextmanager
def data_only() -> Iterator[None]:
    """Keep standard output for what goes through here: what plugins print meanwhile goes to standard error."""
    global _out
    before, _out = _out, _out or sys.stdout
    real, sys.stdout = sys.stdout, sys.stderr
    try:
        yield
    finally:
        _out, sys.stdout = before, real


def out() -> TextIO:
    """Standard output, for data."""
    return _out or sys.stdout


def tell_out(*parts: str | Styled, nl: bool = True) -> None:
    """A line for people on standard output."""
    _echo(parts, err=False, nl=nl)


def say(*parts: str | Styled) -> None:
    """A line of talk on standard error."""
    _echo(parts, err=True, nl=True)


def _echo(parts: Iterable[str | Styled], *, err: bool, nl: bool) -> None:
    click.echo("".join(map(_drawn, parts)), file=sys.stderr if err else out(), nl=nl)


def _drawn(part: str | Styled) -> str:
    if isinstance(part, str):
        return printable(part)
    text = printable(part.text)
    return click.style(text, **part.look) if part.look else text


def put(text: str, *, nl: bool = True) -> None:
    """What another program may read, on standard output: exact in a pipe, printable at a terminal."""
    shown = printable(text) if out().isatty() else text
    click.echo(shown, file=out(), nl=nl, color=True)  # without color click would take escapes out


def confirm(question: str) -> bool:
    """Whether a person says yes; no is the default."""
    return click.confirm(printable(question), default=False, err=True)


def ask_hidden(question: str) -> str:
    """What a person types, unseen."""
    answer: str = click.prompt(printable(question), hide_input=True, err=True)
    return answer


def print_json(value: Any) -> None:
    """``value`` as one line of JSON on standard output, sent at once."""
    click.echo(to_json(value), file=out())


def console(*, err: bool = False) -> Console:
    """A rich console on standard output or standard error. Nothing that it prints is read as markup."""
    from mlx_convert_cli.rich_console import PrintableConsole

    stream = sys.stderr if err else out()
    width = None if stream.isatty() else UNBOUND
    made = PrintableConsole(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)
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
    click.echo(
        "\n".join(line.rstrip() for line in captured.get().removesuffix("\n").split("\n")),
        file=sys.stderr if err else out(),
    )


def table(*columns: str, rows: Iterable[Sequence[Cell]], right: Sequence[str] = ()) -> Listing:
    """A quiet table: dim headings, no lines. Columns named in ``right`` hold numbers; the last one may wrap."""
    return Listing(columns, rows, right)


def show_table(listing: Listing) -> None:
    """Print a table for people, and nothing beside it: without rich, which takes longer to start than many a table."""
    lines = listing.lines(screen_width())
    click.echo("\n".join("".join(map(_drawn, line)) for line in lines), file=out())


def screen_width() -> int:
    """The columns that standard output has for a line."""
    return min(WIDTH, get_terminal_size().columns) if out().isatty() else UNBOUND


def screenful(rows: Sequence[T], drawn: Callable[[Sequence[T]], Listing], *, below: int) -> Sequence[T]:
    """The first of ``rows`` that a terminal shows at once above ``below`` more lines; all where no person looks."""
    if not out().isatty():
        return rows
    room = max(2, get_terminal_size().lines - below)
    shown = rows[:room]
    while len(shown) > 1 and (lines := sum(1 for _ in drawn(shown).lines(screen_width()))) > room:
        shown = shown[: max(1, min(len(shown) - 1, len(shown) * room // lines))]
    return shown


def pairs(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Names and values, one a line."""
    from rich.table import Table

    made = Table.grid(padding=(0, GAP, 0, 0))
    made.add_column(style="cyan", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made


def show_command(label: str, command: str, *, err: bool = False) -> None:
    """A command to copy: a terminal may break its line, we never do."""
    _echo((label, styled(command, bold=True)), err=err, nl=True)


def at_terminal() -> bool:
    """Whether a person can be asked: standard input and standard error are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()
