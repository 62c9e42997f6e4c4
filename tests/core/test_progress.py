"""Progress moves when bytes are really there, and at no other time; a remaining time is told once it is known."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from lm.random_llama import write_llama

from mlx_convert_core import ConvertRequest, Event, Message, Progress, StepFinished, StepStarted, Token, Workspace
from mlx_convert_core.model.events import AnyEvent
from mlx_convert_core.running.context import JobContext

AddPlugin = Callable[[str, str], Path]
SLOW_SOURCE = """
import json, shutil, time
import mlx_convert_engine.memory

mlx_convert_engine.memory.SLICE_BYTES = 10_000  # as small to this model as 4 MB to a real one
PLACE = Path(__file__).parent

class Slow:
    def __init__(self, folder):
        self.folder = folder

    def inspect(self):
        found = inspect_folder(self.folder, ref="slow:model")
        return ModelInfo(ref=found.ref, name=found.name, config=found.config, files=found.files, tensors=found.tensors)

    def fetch(self, model, scratch, report):
        return self.stream(model, scratch, report, lambda path: None)

    def stream(self, model, scratch, report, arrived):
        for path in self.folder.iterdir():
            if path.suffix != ".safetensors":
                shutil.copy(path, scratch)
        done = 0
        for number, path in enumerate(sorted(self.folder.glob("*.safetensors"))):
            while not (PLACE / f"gate-{number}").exists():
                report.check_cancelled()
                time.sleep(0.005)
            shutil.copy(path, scratch)
            done += sum(tensor.nbytes for tensor in read_header(path))
            with (PLACE / "arrivals.jsonl").open("a") as log:
                log.write(json.dumps([time.time(), done]) + "\\n")
            arrived(scratch / path.name)
            report.progress("fetch", done, model.weight_bytes)
        return scratch

@hookimpl
def model_source(ref):
    return Slow(Path(FOLDER)) if ref == "slow:model" else None
"""
SHARDS = 4


def test_progress_never_runs_ahead_of_a_slow_source(tmp_path: Path, add_plugin: AddPlugin, home: Path) -> None:
    source = write_llama(tmp_path / "source", layers=4, shards=SHARDS)
    place = add_plugin("slow", SLOW_SOURCE.replace("FOLDER", repr(str(source)))).parent
    moved = threading.Event()

    def let_in() -> None:
        for number in range(SHARDS):
            moved.clear()
            (place / f"gate-{number}").touch()
            moved.wait(3)  # until something is written of it; a few may only be of use with the next

    with Workspace() as workspace:
        job = workspace.convert(ConvertRequest(ref="slow:model", preset="bf16", output=tmp_path / "out"))
        porter = threading.Thread(target=let_in)
        porter.start()
        written = []
        for event in job.events():
            if isinstance(event, Progress) and event.step == "write":
                written.append(event)
                moved.set()
        porter.join()
        job.result()
    arrivals = [json.loads(line) for line in (place / "arrivals.jsonl").read_text().splitlines()]
    assert len(arrivals) == SHARDS
    for event in written:
        there = max((size for when, size in arrivals if when <= event.time), default=0)
        assert event.done <= there
    assert [event.done for event in written] == sorted(event.done for event in written)
    assert any(event.done > 0 for event in written if event.time < arrivals[-1][0])  # before all was there
    assert written[-1].done == written[-1].total == arrivals[-1][1]
    fetched = [event.done for event in job.events() if isinstance(event, Progress) and event.step == "fetch"]
    assert set(fetched) <= {size for _, size in arrivals}


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give contexts a clock that stands still."""
    clock = Clock()
    monkeypatch.setattr("mlx_convert_core.running.context.time", clock)
    return clock


@pytest.fixture
def told() -> list[AnyEvent]:
    return []


@pytest.fixture
def context(told: list[AnyEvent]) -> JobContext:
    return JobContext("job", None, Path(), told.append, threading.Event())  # type: ignore[arg-type]


def test_progress_is_thinned_but_its_end_is_always_told(
    clock: Clock, context: JobContext, told: list[Progress]
) -> None:
    for done in range(1001):
        clock.now += 0.001
        context.progress("write", done, 1000)
    assert 8 <= len(told) <= 13
    assert told[-1].done == 1000


def test_the_remaining_time_is_told_once_something_has_moved_for_a_while(
    clock: Clock, context: JobContext, told: list[Progress]
) -> None:
    for done in (0, 0, 10, 20):
        context.progress("write", done, 100)
        clock.now += 0.4
    assert [event.eta for event in told] == [None, None, pytest.approx(7.2), pytest.approx(4.8)]
    context.progress("quantize", 0, 100, unit="tensors")
    clock.now += 2
    context.progress("quantize", 10, 100, unit="tensors")
    assert told[-1].eta is None, "tensors differ too much in size"


def test_what_was_there_already_does_not_shorten_the_remaining_time(
    clock: Clock, context: JobContext, told: list[Progress]
) -> None:
    context.progress("fetch", 0, 100)
    for done in (85, 90):
        clock.now += 1
        context.progress("fetch", done, 100, found=80)
    assert [event.eta for event in told] == [None, pytest.approx(3), pytest.approx(2)]
    assert told[-1].found == 80


def test_steps_progress_of_their_own(clock: Clock, context: JobContext, told: list[Progress]) -> None:
    context.progress("write", 1, 10)
    context.progress("quantize", 1, 5, unit="tensors")
    assert [(event.step, event.unit) for event in told] == [("write", "bytes"), ("quantize", "tensors")]


def test_a_step_tells_its_start_and_its_end_but_no_end_when_it_fails(
    clock: Clock, context: JobContext, told: list[Event]
) -> None:
    with context.step("check"):
        clock.now += 2
    with pytest.raises(KeyError), context.step("publish"):
        raise KeyError
    assert [type(event) for event in told] == [StepStarted, StepFinished, StepStarted]
    assert told[1].seconds == pytest.approx(2)  # type: ignore[attr-defined]


def test_messages_and_tokens_are_events(context: JobContext, told: list[Event]) -> None:
    context.message("hello")
    context.token("Paris")
    assert told == [
        Message(job="job", level="info", text="hello", time=told[0].time),
        Token(job="job", text="Paris", time=told[1].time),
    ]
