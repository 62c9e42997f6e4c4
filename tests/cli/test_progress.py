"""The rows of a job: what they say while steps run and when they have ended."""

from __future__ import annotations

from mlx_convert_cli.live import StepLines
from mlx_convert_cli.steps import Rows
from rich.console import Console

from mlx_convert_core import Event, Progress, StepFinished, StepStarted


def rows(*events: Event) -> Rows:
    made = Rows()
    for event in events:
        made.take(event)
    return made


def screen(made: Rows, *, over: bool = False, width: int = 100) -> str:
    lines = StepLines(made)
    if over:
        lines.end()
    console = Console(width=width, force_terminal=True, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(lines)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def test_quantize_and_write_share_a_line_that_counts_bytes() -> None:
    made = rows(
        StepStarted(step="quantize", time=10.0),
        StepStarted(step="write", time=10.0),
        Progress(step="write", done=0, total=80_000_000, time=10.0),
        Progress(step="quantize", done=3, total=9, unit="tensors", time=12.0),
        Progress(step="write", done=20_000_000, total=80_000_000, eta=6.2, time=12.0),
    )
    (row,) = made
    assert row.label == "quantize, write"
    assert row.standing() == "20.0 of 80.0 MB · 10.0 MB/s · 6.2 s left"
    assert not row.finished


def test_what_was_found_does_not_count_as_speed() -> None:
    (row,) = rows(
        StepStarted(step="fetch", time=10.0),
        Progress(step="fetch", done=0, total=80_000_000, time=10.0),
        Progress(step="fetch", done=60_000_000, found=50_000_000, total=80_000_000, eta=4.0, time=12.0),
    )
    assert row.standing() == "60.0 of 80.0 MB · 5.00 MB/s · 4.0 s left"


def test_a_line_is_finished_when_all_of_its_steps_are() -> None:
    events = [
        StepStarted(step="quantize", time=10.0),
        StepStarted(step="write", time=10.0),
        Progress(step="write", done=80_000_000, total=80_000_000, time=14.0),
        Progress(step="quantize", done=9, total=9, unit="tensors", time=14.0),
        StepFinished(step="write", seconds=4, time=14.0),
    ]
    (row,) = rows(*events)
    assert not row.finished
    (row,) = rows(*events, StepFinished(step="quantize", seconds=4, time=14.5))
    assert row.finished
    assert row.outcome() == "80.0 MB · 9 tensors · 4.5 s"


def test_a_count_that_begins_again_is_added_up() -> None:
    (row,) = rows(
        StepStarted(step="check", time=0.0),
        Progress(step="check", done=50_000_000, total=50_000_000, time=1.0),
        Progress(step="check", done=10_000_000, total=20_000_000, time=2.0),
        Progress(step="check", done=20_000_000, total=20_000_000, time=3.0),
        StepFinished(step="check", seconds=3, time=3.0),
    )
    assert row.outcome() == "70.0 MB · 3.0 s"


def test_quick_steps_without_anything_to_count_take_no_line() -> None:
    made = rows(
        StepStarted(step="resolve", time=1.0),
        StepFinished(step="resolve", seconds=0.1, time=1.1),
        StepStarted(step="plan", time=1.1),
        StepFinished(step="plan", seconds=2, time=3.1),
    )
    assert screen(made) == " ✓ plan            2.0 s"


def test_a_running_line_has_a_bar_of_one_width_from_beginning_to_end() -> None:
    def bar(done: int, eta: float | None) -> str:
        line = screen(
            rows(
                StepStarted(step="fetch", time=0.0),
                Progress(step="fetch", done=0, total=5_000_000_000, time=0.0),
                Progress(step="fetch", done=done, total=5_000_000_000, eta=eta, time=100.0),
            )
        )
        return line[: line.index(" of ")].rpartition(" ")[0]

    assert len(bar(1_000_000, None)) == len(bar(4_999_000_000, 3599))


def test_lines_fit_a_narrow_terminal() -> None:
    made = rows(
        StepStarted(step="quantize", time=0.0),
        Progress(step="write", done=0, total=500_000_000_000, time=0.0),
        Progress(step="write", done=123_000_000_000, total=500_000_000_000, eta=3599, time=100.0),
    )
    for width in (60, 80, 100):
        assert max(map(len, screen(made, width=width).splitlines())) <= width


def test_what_was_cut_short_is_marked() -> None:
    made = rows(StepStarted(step="fetch", time=0.0), Progress(step="fetch", done=3_000, total=5_000, time=1.0))
    assert screen(made, over=True) == " ✗ fetch           3.00 of 5.00 kB"
