"""Watch a job: a live display in a terminal, sparse lines elsewhere, JSON for programs."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol, TypeVar

from mlx_convert_cli.errors import AlreadyTold, tell
from mlx_convert_cli.interrupts import interrupts
from mlx_convert_cli.output import print_json, say
from mlx_convert_cli.steps import Row, Rows
from mlx_convert_core import Event, Job, Message, MlxConvertError, Progress, StepFinished

T = TypeVar("T")
PLAIN_SECONDS = 10.0  # between two lines about the same step


class View(Protocol):
    """Shows the events of one job, inside a ``with``."""

    def __enter__(self) -> View:
        """Begin to show."""

    def __exit__(self, *error: object) -> None:
        """Leave the last state on the screen."""

    def show(self, event: Event) -> None:
        """Take the next event."""

    def cancelling(self) -> None:
        """Say that the job was asked to end; called by a signal handler."""


def follow(job: Job[T], *, as_json: bool, kill: bool = True) -> T:
    """Show ``job`` until its end and return its result. Ctrl-C cancels it. Raises the job's error."""
    watch(job, view(as_json=as_json), kill=kill)
    try:
        return job.result()
    except MlxConvertError as error:
        if as_json:
            raise AlreadyTold(error.exit_code) from error
        raise


def watch(job: Job[Any], view: View, *, kill: bool = True) -> None:
    """Hand every event of ``job`` to ``view``; returns after the last."""
    with view, interrupts(job, view.cancelling, kill=kill):
        for event in job.events():
            view.show(event)


def view(*, as_json: bool) -> View:
    """The view that fits: JSON, a live display when standard error is a terminal, or lines."""
    if as_json:
        return JsonView()
    return LiveView() if sys.stderr.isatty() else PlainView()


class JsonView:
    """One event a line on standard output."""

    def __enter__(self) -> JsonView:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left to show."""

    def show(self, event: Event) -> None:
        """See View."""
        print_json(event)

    def cancelling(self) -> None:
        """The last event will tell."""


class PlainView:
    """Lines on standard error, few of them."""

    def __init__(self) -> None:
        self._rows = Rows()
        self._told: dict[str, float] = {}

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left to show."""

    def show(self, event: Event) -> None:
        """See View."""
        tell_message(event)
        row = self._rows.take(event)
        if row is None:
            return
        if isinstance(event, StepFinished) and row.finished:
            if row.worth_showing:
                say(f"{row.label}: {row.outcome()}")
        elif isinstance(event, Progress):
            self._tell_progress(row)

    def cancelling(self) -> None:
        """See View."""
        say("cancelling…")

    def _tell_progress(self, row: Row) -> None:
        now = time.monotonic()
        if now - self._told.setdefault(row.label, now) >= PLAIN_SECONDS:
            self._told[row.label] = now
            say(f"{row.label}: {row.standing()}")


class LiveView:
    """A line for each step on standard error; the running ones move."""

    def __init__(self) -> None:
        from rich.live import Live

        from mlx_convert_cli.live import StepLines
        from mlx_convert_cli.output import console

        self._rows = Rows()
        self._lines = StepLines(self._rows)
        self._live = Live(self._lines, console=console(err=True), refresh_per_second=10, redirect_stdout=False)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._lines.end()
        self._live.stop()

    def show(self, event: Event) -> None:
        """See View."""
        if isinstance(event, Message):
            tell_message(event)  # goes above the moving lines
        self._rows.take(event)

    def cancelling(self) -> None:
        """See View."""
        self._lines.cancelling = True


def tell_message(event: Event) -> None:
    """Pass on a job's line for people; its ``debug`` lines are for the log."""
    if not isinstance(event, Message) or event.level == "debug":
        return
    if event.level == "warning":
        tell("warning", event.text, color="yellow")
    else:
        say(event.text)
