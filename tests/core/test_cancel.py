"""A cancelled job ends soon, whatever it is doing, and leaves nothing; in a worker and inline alike."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import (
    Cancelled,
    ConvertRequest,
    GenerateRequest,
    Job,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobState,
    OutputExists,
    Progress,
    Token,
    Workspace,
)

WriteToy = Callable[..., Path]


def wait_for(job: Job[object], kind: type[object]) -> None:
    """Wait until the job has sent an event of this kind."""
    next(event for event in job.events() if isinstance(event, kind))


def cancelled(job: Job[object]) -> None:
    """Check that the job ends as cancelled, once."""
    with pytest.raises(Cancelled):
        job.result(timeout=120)
    assert job.state == JobState.CANCELLED
    finals = [event for event in job.events() if isinstance(event, JobFinished | JobFailed | JobCancelled)]
    assert [type(event) for event in finals] == [JobCancelled]


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(("doing", "moment"), [("wait", "convert"), ("stuck", "convert"), ("stuck", "plan")])
def test_a_conversion_that_is_cancelled_leaves_nothing(
    workspace: Workspace,
    write_toy: WriteToy,
    tmp_path: Path,
    nothing_left: Callable[[], None],
    doing: str,
    moment: str,
) -> None:
    request = ConvertRequest(
        ref=str(write_toy(**{moment: doing})), preset="bf16", output=tmp_path / "out" / "deep" / "model"
    )
    job = workspace.convert(request)
    if moment == "convert":
        wait_for(job, Progress)
    job.cancel()
    job.cancel()  # again and again does no harm
    cancelled(job)
    nothing_left()
    assert workers() == []


def test_the_inline_twin_is_cancelled_from_another_thread(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, nothing_left: Callable[[], None]
) -> None:
    request = ConvertRequest(ref=str(write_toy(convert="wait")), preset="bf16", output=tmp_path / "out" / "model")
    ended: list[Job[object]] = []
    thread = threading.Thread(target=lambda: ended.append(workspace.convert(request, inline=True)))
    thread.start()
    while not workspace.jobs and thread.is_alive():
        thread.join(0.01)
    wait_for(workspace.jobs[0], Progress)
    workspace.jobs[0].cancel()
    thread.join(120)
    cancelled(ended[0])
    nothing_left()


def test_a_job_that_waits_for_its_turn_is_cancelled_there(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    slow = write_toy("slow", convert="wait")
    first = workspace.convert(ConvertRequest(ref=str(slow), preset="bf16", output=tmp_path / "first"))
    wait_for(first, Progress)
    second = workspace.convert(ConvertRequest(ref=str(slow), preset="bf16", output=tmp_path / "second"))
    second.cancel()
    cancelled(second)
    assert first.state == JobState.RUNNING
    first.cancel()
    cancelled(first)


def test_an_answer_that_waits_for_its_turn_loads_no_model(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    slow = write_toy("slow", convert="wait")
    first = workspace.convert(ConvertRequest(ref=str(slow), preset="bf16", output=tmp_path / "first"))
    wait_for(first, Progress)
    answer = workspace.generate(write_toy(), GenerateRequest(prompt="hello"))
    assert len(workers()) == 1
    answer.cancel()
    cancelled(answer)
    first.cancel()
    cancelled(first)
    assert workers() == []


@pytest.mark.parametrize("doing", ["wait", "stuck"])
def test_an_answer_is_cancelled(workspace: Workspace, write_toy: WriteToy, doing: str) -> None:
    answer = workspace.generate(write_toy(), GenerateRequest(prompt=f"one {doing} two"))
    wait_for(answer, Token)
    answer.cancel()
    cancelled(answer)
    assert workers() == []


def test_closing_the_workspace_cancels_what_runs(
    toys: None, write_toy: WriteToy, tmp_path: Path, nothing_left: Callable[[], None]
) -> None:
    source = write_toy(convert="wait")
    with Workspace() as workspace:
        job = workspace.convert(ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "out" / "model"))
        wait_for(job, Progress)
    cancelled(job)
    nothing_left()
    assert workers() == []


def test_a_cancelled_replacement_keeps_the_old_folder(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    old = write_mlx_folder(tmp_path / "out")
    job = workspace.convert(ConvertRequest(ref=str(write_toy(convert="stuck")), preset="bf16", output=old, force=True))
    wait_for(job, Progress)
    job.cancel()
    cancelled(job)
    assert (old / "LICENSE").read_text() == "precious"
    with pytest.raises(OutputExists):
        workspace.convert(ConvertRequest(ref=str(write_toy("other")), preset="bf16", output=old)).result(timeout=120)


def test_ctrl_c_during_an_inline_conversion_reaches_the_caller(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, nothing_left: Callable[[], None]
) -> None:
    request = ConvertRequest(ref=str(write_toy(convert="wait")), preset="bf16", output=tmp_path / "out" / "model")

    def press() -> None:
        while not workspace.jobs:
            time.sleep(0.01)
        wait_for(workspace.jobs[0], Progress)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        workspace.convert(request, inline=True)
    assert [job.state for job in workspace.jobs] == [JobState.CANCELLED]
    nothing_left()
