"""The queue of conversions: kept on disk, done one at a time, by one program at a time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core import ConvertRequest, InvalidRequest, JobState, Workspace
from mlx_convert_core.plugin import QueueBusy, QueueItem

WriteToy = Callable[..., Path]
DRAIN = """
from mlx_convert_core import Workspace

with Workspace() as workspace:
    for item in workspace.queue.drain():
        print("begun", item.id, flush=True)
"""


def until(condition: Callable[[], Any], seconds: float = 90) -> None:
    """Wait until ``condition`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def request(source: Path, name: str = "out", **more: Any) -> ConvertRequest:
    """A request to convert ``source`` into the folder ``name`` beside it."""
    return ConvertRequest(ref=str(source), preset="bf16", output=str(source.parent / name), **more)


def drained(workspace: Workspace) -> list[QueueItem]:
    """Do all that waits; the items in the order in which they began."""
    return list(workspace.queue.drain())


def states(workspace: Workspace) -> list[str]:
    return [item.state.value for item in workspace.queue.items()]


def test_items_are_done_in_order_and_stay(workspace: Workspace, write_toy: WriteToy, tmp_path: Path) -> None:
    source = write_toy()
    first, second = workspace.queue.add_many([request(source, "one"), request(source, "two")])
    assert [item.id for item in drained(workspace)] == [first.id, second.id]
    assert drained(workspace) == []
    with Workspace() as later:
        one, two = later.queue.items()
    assert (one.state, two.state) == (JobState.FINISHED, JobState.FINISHED)
    assert (one.outputs, two.outputs) == ((tmp_path / "one",), (tmp_path / "two",))
    assert one.added <= one.started <= one.ended
    assert one.request == first.request
    assert {entry.path for entry in workspace.library.entries()} == {tmp_path / "one", tmp_path / "two"}


def test_what_fails_keeps_its_reason_and_the_rest_goes_on(workspace: Workspace, write_toy: WriteToy) -> None:
    source = write_toy()
    workspace.queue.add(ConvertRequest(ref=str(source), preset="nobody's"))
    workspace.queue.add(request(source.parent / "lost"))
    workspace.queue.add(request(write_toy("broken", convert="raise")))
    workspace.queue.add(request(source))
    drained(workspace)
    *failed, good = workspace.queue.items()
    assert [item.error.code for item in failed if item.error] == ["preset", "no_folder", "unexpected"]
    assert not any(item.error.traceback for item in failed if item.error)
    assert {item.state for item in failed} == {JobState.FAILED}
    assert good.state is JobState.FINISHED


def test_a_failed_item_can_be_tried_again_where_it_stands(workspace: Workspace, write_toy: WriteToy) -> None:
    source = write_toy("late", plan="raise")
    item = workspace.queue.add(request(source))
    workspace.queue.add(request(write_toy(), "other"))
    drained(workspace)
    assert states(workspace) == ["failed", "finished"]
    write_config(source)
    workspace.queue.retry(item.id)
    again = workspace.queue.items()[0]
    assert (again.state, again.error, again.ended, again.job) == (JobState.QUEUED, None, "", "")
    assert again.request.resume  # what a dead worker wrote is taken up
    drained(workspace)
    assert states(workspace) == ["finished", "finished"]
    with pytest.raises(InvalidRequest, match="is finished"):
        workspace.queue.retry(item.id)


def test_the_order_can_be_changed(workspace: Workspace, write_toy: WriteToy) -> None:
    source = write_toy()
    a, b, c = (item.id for item in workspace.queue.add_many(request(source, name) for name in "abc"))
    workspace.queue.move(c, 0)
    assert [item.id for item in workspace.queue.items()] == [c, a, b]
    workspace.queue.move(c, 99)
    workspace.queue.move(b, -1)
    assert [item.id for item in workspace.queue.items()] == [b, a, c]
    workspace.queue.remove(a)
    assert [item.id for item in drained(workspace)] == [b, c]
    for change in (workspace.queue.remove, workspace.queue.cancel, workspace.queue.retry, workspace.queue.get):
        with pytest.raises(InvalidRequest, match="no item") as caught:
            change(a)
        assert caught.value.code == "no_item"


def test_clear_leaves_what_waits_unless_asked(workspace: Workspace, write_toy: WriteToy) -> None:
    source = write_toy()
    workspace.queue.add(request(source))
    drained(workspace)
    waiting, cancelled = workspace.queue.add_many([request(source, "b"), request(source, "c")])
    workspace.queue.cancel(cancelled.id)
    assert len(workspace.queue.clear()) == 2
    assert workspace.queue.items() == (waiting,)
    assert workspace.queue.clear(finished_only=False) == (waiting,)
    assert workspace.queue.items() == ()


def test_a_running_item_can_be_cancelled_and_the_next_begins(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    slow, _, good = workspace.queue.add_many(
        [request(write_toy("slow", convert="wait")), request(write_toy("b"), "of-b"), request(write_toy("c"), "of-c")]
    )
    workspace.queue.cancel(workspace.queue.items()[1].id)
    workspace.queue.start()
    until(lambda: workspace.queue.get(slow.id).job)
    with pytest.raises(InvalidRequest, match="is running"):
        workspace.queue.remove(slow.id)
    workspace.queue.cancel(slow.id)
    until(lambda: workspace.queue.get(good.id).state.final)
    assert states(workspace) == ["cancelled", "cancelled", "finished"]
    workspace.queue.cancel(good.id)
    assert workspace.queue.get(good.id).state is JobState.FINISHED
    assert not (tmp_path / "out").exists()


def test_stop_puts_the_running_item_back(workspace: Workspace, write_toy: WriteToy) -> None:
    source = write_toy("slow", convert="wait")
    item = workspace.queue.add(request(source))
    workspace.queue.start()
    until(lambda: workspace.queue.job(item.id))
    workspace.queue.stop()
    assert not workspace.queue.started
    assert workspace.queue.items() == (item,)
    write_config(source)
    workspace.queue.start()
    until(lambda: workspace.queue.get(item.id).state is JobState.FINISHED)


def test_closing_the_workspace_puts_the_running_item_back(toys: None, write_toy: WriteToy) -> None:
    with Workspace() as workspace:
        item = workspace.queue.add(request(write_toy("slow", convert="wait")))
        workspace.queue.start()
        until(lambda: workspace.queue.job(item.id))
    with Workspace() as later:
        assert later.queue.items() == (item,)


def test_leaving_a_drain_puts_the_running_item_back(workspace: Workspace, write_toy: WriteToy) -> None:
    item = workspace.queue.add(request(write_toy("slow", convert="wait")))
    with closing(workspace.queue.drain()) as items:
        begun = next(items)
        assert begun.id == item.id
        assert begun.state is JobState.RUNNING
    assert workspace.queue.items() == (item,)


def test_a_queue_that_was_started_takes_what_another_program_adds(workspace: Workspace, write_toy: WriteToy) -> None:
    workspace.queue.start()
    with Workspace() as other:
        item = other.queue.add(request(write_toy()))
    before = workspace.queue.version
    until(lambda: workspace.queue.get(item.id).state is JobState.FINISHED)
    assert workspace.queue.version > before


def test_a_queue_that_is_started_from_many_threads_at_once_has_one(workspace: Workspace) -> None:
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    ready = threading.Barrier(8)

    def start() -> None:
        ready.wait()
        workspace.queue.start()

    def working() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "conversion-queue"]

    try:
        for _ in range(20):
            starting = [threading.Thread(target=start) for _ in range(8)]
            for thread in starting:
                thread.start()
            for thread in starting:
                thread.join()
            assert len(working()) == 1
            workspace.queue.stop()
            assert not working()
    finally:
        sys.setswitchinterval(switch)


def test_two_programs_never_drain_at_once(workspace: Workspace, write_toy: WriteToy) -> None:
    slow = workspace.queue.add(request(write_toy("slow", convert="wait")))
    next_one = workspace.queue.add(request(write_toy()))
    with other_program() as other:
        assert other.stdout is not None
        assert other.stdout.readline() == f"begun {slow.id}\n"
        with pytest.raises(QueueBusy), closing(workspace.queue.drain()) as items:
            next(items)
        workspace.queue.start()  # stands by
        assert states(workspace) == ["running", "queued"]
        assert workspace.queue.busy_elsewhere
        assert workspace.queue.job(slow.id) is None
        workspace.queue.cancel(slow.id)
        assert other.wait(90) == 0
    until(lambda: workspace.queue.get(next_one.id).state is JobState.FINISHED)
    assert states(workspace) == ["cancelled", "finished"]
    assert not workspace.queue.busy_elsewhere


def test_what_ran_in_a_program_that_was_killed_waits_again(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    source = write_toy("slow", convert="wait")
    item = workspace.queue.add(request(source))
    with other_program() as other:
        assert other.stdout is not None
        other.stdout.readline()
        workspace.queue.cancel(item.id)  # asked for, but the program dies of something else
        other.send_signal(signal.SIGKILL)
        other.wait(90)
    assert workspace.queue.items() == (item,)
    write_config(source)
    drained(workspace)
    assert states(workspace) == ["finished"]
    assert (tmp_path / "out").is_dir()


def test_paths_are_whole_so_that_a_program_elsewhere_can_do_it(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toy()
    monkeypatch.chdir(tmp_path)
    local = workspace.queue.add(ConvertRequest(ref="toy-model", output="made")).request
    assert (local.ref, local.outputs) == (str(tmp_path / "toy-model"), (tmp_path / "made",))
    assert workspace.queue.add(ConvertRequest(ref="org/name")).request.ref == "org/name"


def test_every_change_is_a_new_version(workspace: Workspace, write_toy: WriteToy) -> None:
    queue = workspace.queue
    seen = [queue.version]
    item = queue.add(request(write_toy()))
    for change in (
        lambda: None,
        lambda: queue.move(item.id, 0),
        lambda: queue.cancel(item.id),
        lambda: queue.retry(item.id),
        lambda: drained(workspace),
        lambda: queue.remove(item.id),
    ):
        change()
        seen.append(queue.version)
    assert seen == sorted(set(seen))
    assert queue.version == seen[-1]


def test_a_damaged_file_is_kept_aside_and_reported(workspace: Workspace, home: Path, write_toy: WriteToy) -> None:
    (home / "queue.json").write_text('{"items": [')
    assert workspace.queue.items() == ()
    assert "queue.json.damaged-" in workspace.queue.problem
    workspace.queue.add(request(write_toy()))
    assert states(workspace) == ["queued"]
    assert workspace.queue.problem == ""


def test_an_item_that_cannot_be_read_stays_and_stops_nobody(
    workspace: Workspace, home: Path, write_toy: WriteToy
) -> None:
    good = workspace.queue.add(request(write_toy()))
    stored = json.loads((home / "queue.json").read_text())
    of_tomorrow = [
        {"id": "x", "state": "queued", "request": {"ref": "a/b", "mode": "of tomorrow"}},
        {"id": "y", "state": "dreaming", "request": {"ref": "a/b"}},
        {"id": "z", "state": "queued", "request": {"ref": "a/b", "bits": 77}},
        "nonsense",
    ]
    stored = {**stored, "items": [*of_tomorrow, {**stored["items"][0], "colour": "blue"}], "more": 1}
    (home / "queue.json").write_text(json.dumps(stored))
    assert [item.id for item in drained(workspace)] == [good.id]
    assert states(workspace) == ["finished"]
    assert workspace.queue.problem.startswith("4 items")
    kept = json.loads((home / "queue.json").read_text())
    assert kept["items"][:4] == of_tomorrow
    assert (kept["items"][4]["colour"], kept["more"]) == ("blue", 1)


@contextmanager
def other_program() -> Iterator[subprocess.Popen[str]]:
    """Another program that works through the queue; it ends with the test."""
    with subprocess.Popen([sys.executable, "-c", DRAIN], stdout=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            program.kill()


def write_config(source: Path) -> None:
    """Let nothing go wrong with the toy in ``source`` any more."""
    (source / "config.json").write_text(json.dumps({"model_type": "toy"}))
