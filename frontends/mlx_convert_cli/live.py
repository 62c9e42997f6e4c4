"""The moving lines of a job in a terminal, drawn with rich."""

from __future__ import annotations

import time

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mlx_convert_cli.steps import Row, Rows

BAR = 30
STANDING = 52  # the longest text beside a bar, and the marks around it
LABEL = 15
FLICKER_SECONDS = 0.2  # a step that ends sooner never shows


class StepLines:
    """Draws `Rows`: finished steps with what they did, running ones with a bar."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._spinner = Spinner("dots", style="cyan")
        self._over = False
        self.cancelling = False

    def end(self) -> None:
        """No more events will come: nothing spins any more."""
        self._over = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=2, justify="right")
        grid.add_column(width=LABEL, no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        for row in self._rows:
            if row.finished and row.worth_showing:
                grid.add_row(Text("✓", "green"), row.label, Text(row.outcome(), "dim"))
            elif not row.finished:
                self._add_running(grid, row, options)
        yield grid
        if self.cancelling and not self._over:
            yield Text("   cancelling…", "yellow")

    def _add_running(self, grid: Table, row: Row, options: ConsoleOptions) -> None:
        if self._over and row.main is not None:
            grid.add_row(Text("✗", "red"), row.label, Text(row.reached(), "dim"))
        elif self._over:
            return
        elif row.main is not None:
            grid.add_row(self._spinner, row.label, _moving(row, options.max_width))
        elif time.time() - row.began > FLICKER_SECONDS:
            grid.add_row(self._spinner, row.label, "")


def _moving(row: Row, width: int) -> Table:
    assert row.main is not None
    bar = max(8, min(BAR, width - STANDING - LABEL))  # the same width from beginning to end
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_row(
        ProgressBar(total=max(1, row.main.total), completed=row.main.done, width=bar, complete_style="cyan"),
        Text(row.standing(), no_wrap=True, overflow="ellipsis"),
    )
    return line
