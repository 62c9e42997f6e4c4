"""A comparison for people: how far each model is, then the answers with their figures."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mlx_convert_cli.interrupts import interrupts
from mlx_convert_cli.output import console, pairs, print_json, put, say, show_table, styled, table, tell_out
from mlx_convert_cli.progress import tell_message
from mlx_convert_cli.remedies import next_steps
from mlx_convert_core import (
    AgreementResult,
    ComparedAnswer,
    CompareResult,
    Comparison,
    Event,
    GenerateResult,
    Job,
    MeasuredFigure,
    StepStarted,
    Token,
)
from mlx_convert_core.plugin import FINAL, model_name, units

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

NARROWEST = 45  # columns of text that can still be read beside others
AROUND = 20  # characters shown before a difference


class ComparisonView:
    """Follows the answers of ``comparison``; in a terminal each has a line that moves."""

    def __init__(self, comparison: Comparison, *, as_json: bool) -> None:
        self._comparison = comparison
        self._as_json = as_json
        self._states = ["waiting"] * len(comparison.answers)
        self._printing = threading.Lock()

    def watch(self) -> None:
        """Show all until the end; Ctrl-C stops every answer."""
        threads = [
            threading.Thread(target=self._follow, args=(index, job), daemon=True)
            for index, job in enumerate(self._comparison.answers)
        ]
        with self._moving(), interrupts(self._comparison.job, self._cancelling):
            for thread in threads:
                thread.start()
            for event in self._comparison.job.events():
                if isinstance(event, FINAL):
                    for thread in threads:
                        thread.join()  # so that the comparison's end is the last thing told
                self._told(event)

    def _follow(self, index: int, job: Job[GenerateResult]) -> None:
        tokens = 0
        for event in job.events():
            if self._as_json:
                self._print(event)
            elif isinstance(event, StepStarted):
                self._states[index] = "loading" if event.step == "load" else "thinking"
            elif isinstance(event, Token):
                tokens += 1
                self._states[index] = f"{tokens} tokens"
        self._states[index] = "done" if job.state == "finished" else str(job.state)

    def _told(self, event: Event) -> None:
        self._print(event) if self._as_json else tell_message(event)

    def _print(self, event: Event) -> None:
        with self._printing:
            print_json(event)

    def _cancelling(self) -> None:
        if not self._as_json:
            say("cancelling…")

    def _moving(self) -> ExitStack:
        stack = ExitStack()
        if sys.stderr.isatty() and not self._as_json:
            from rich.live import Live

            stack.enter_context(
                Live(
                    get_renderable=self._lines,
                    console=console(err=True),
                    refresh_per_second=10,
                    redirect_stdout=False,
                    transient=True,
                )
            )
        return stack

    def _lines(self) -> RenderableType:
        names = (model_name(path) for path in self._comparison.models)
        return pairs(zip(names, self._states, strict=True))


def show_answers(result: CompareResult) -> None:
    """The answers, side by side where there is room, else one under the other."""
    target = console()
    beside = target.is_terminal and target.width // len(result.answers) >= NARROWEST
    if not beside:
        for index, column in enumerate(result.answers):
            _show_below(column, result, index)
        return
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 4, 1, 0), show_edge=False, expand=True)
    for column in result.answers:
        grid.add_column(column.name, ratio=1, overflow="fold")
    grid.add_row(*(_marked(column, result.divergence[index]) for index, column in enumerate(result.answers)))
    grid.add_row(*("\n".join(_figures(column, result, index)) for index, column in enumerate(result.answers)))
    target.print(grid)


def show_agreement(result: AgreementResult, name: str) -> None:
    """How often each model says what the first one says, over the prompts of the file ``name``."""
    first, *others = result.models
    rows = [
        (
            one.name,
            _share(one.same),
            _share(one.shared),
            "none in most" if one.differs is None else f"{one.differs:,.0f}",
        )
        for one in others
    ]
    unit = " or ".join(sorted({one.unit.removesuffix("s") for one in others}))
    columns = ("model", "same answer", "shared beginning", f"first other {unit}")
    show_table(table(*columns, rows=rows, right=columns[3:]))
    told = f"{len(result.prompts):,} prompts of '{name}' · compared with {first.name}"
    seed = "" if result.seed is None else f" · the same again: --seed {result.seed:d}"
    say(styled(told + seed, dim=True))


def _share(figure: MeasuredFigure) -> str:
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"


def _show_below(column: ComparedAnswer, result: CompareResult, index: int) -> None:
    tell_out(styled(f"## {column.name}", bold=True))
    put(_text(column))
    for line in _figures(column, result, index):
        tell_out(styled(line, dim=True))
    tell_out()


def _marked(column: ComparedAnswer, divergence: int | None) -> Text:
    """The answer, with the first character that differs set off."""
    from rich.text import Text

    said = _text(column)
    if divergence is None or column.answer is None:
        return Text(said)
    before, different, after = said[:divergence], said[divergence : divergence + 1] or " ", said[divergence + 1 :]
    return Text.assemble(before, (different, "reverse"), after)


def _text(column: ComparedAnswer) -> str:
    if column.answer is not None:
        return column.answer.text
    assert column.error is not None
    steps = next_steps(column.error.hint, column.error.remedies)
    return " ".join([f"error [{column.error.code}]: {column.error.message}", *steps])


def _figures(column: ComparedAnswer, result: CompareResult, index: int) -> list[str]:
    size = f"{units.size(column.size)} · {units.bits_per_weight(column.bits_per_weight)}"
    if column.answer is None:
        return [size]
    speed = f"{column.answer.generation_tokens} tokens · {units.speed(column.answer.generation_tokens_per_second)}"
    if index == 0 or result.answers[0].answer is None:
        return [speed, size]
    return [speed, size, _difference(column.answer.text, result.divergence[index], result.answers[0].name)]


def _difference(said: str, divergence: int | None, first: str) -> str:
    if divergence is None:
        return f"the same as {first}"
    before = " ".join(said[max(0, divergence - AROUND) : divergence].split())
    after = f", after “{before}”" if before else ""
    return f"differs from {first} at character {divergence + 1}{after}"
