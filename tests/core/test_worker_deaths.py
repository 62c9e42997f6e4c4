"""However a worker dies, its job ends once, says what happened, and nothing half-made can be seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlx_convert_core import (
    ConvertRequest,
    GenerateRequest,
    Job,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobState,
    MlxConvertError,
    Workspace,
)
from mlx_convert_core.plugin import SetOption, WorkerDied

WriteToy = Callable[..., Path]
DEATHS = {
    "kill": ("killed", "signal 9"),
    "oom": ("oom_metal", "the GPU ran out of memory"),
    "timeout": ("gpu_timeout", "GPU command ran too long"),
    "abort": ("crashed", "SIGABRT"),
    "leave": ("worker_died", "exit code 7"),
}


def failed(job: Job[object]) -> MlxConvertError:
    """The error of a job, which must have ended exactly once."""
    with pytest.raises(MlxConvertError) as caught:
        job.result(timeout=120)
    finals = [event for event in job.events() if isinstance(event, JobFinished | JobFailed | JobCancelled)]
    assert len(finals) == 1
    assert list(job.events())[-1] is finals[0]
    assert job.state == JobState.FAILED
    assert isinstance(finals[0], JobFailed)
    assert finals[0].error.code == caught.value.code
    return caught.value


def visible(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")] if folder.exists() else []


@pytest.mark.parametrize(("moment", "death"), [("plan", "kill"), *(("convert", death) for death in DEATHS)])
def test_a_conversion_whose_worker_dies(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, moment: str, death: str
) -> None:
    request = ConvertRequest(ref=str(write_toy(**{moment: death})), preset="bf16", output=tmp_path / "out" / "model")
    error = failed(workspace.convert(request))
    code, words = DEATHS[death]
    assert isinstance(error, WorkerDied)
    assert error.code == code
    assert words in error.message
    assert error.hint
    assert visible(tmp_path / "out") == []
    assert workspace.library.entries() == ()


@pytest.mark.parametrize("death", ["kill", "oom"])
def test_an_answer_whose_worker_dies(workspace: Workspace, write_toy: WriteToy, death: str) -> None:
    error = failed(workspace.generate(write_toy(), GenerateRequest(prompt=f"well {death} never")))
    assert error.code == DEATHS[death][0]


def test_a_worker_that_dies_while_it_loads(workspace: Workspace, write_toy: WriteToy) -> None:
    error = failed(workspace.generate(write_toy(load="kill"), GenerateRequest(prompt="hello")))
    assert error.code == "killed"


@pytest.mark.parametrize(("fault", "words"), [("raise", "KeyError: 'lost'"), ("exit", "SystemExit: 7")])
def test_an_exception_in_the_worker_is_told_with_its_traceback(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, nothing_left: Callable[[], None], fault: str, words: str
) -> None:
    request = ConvertRequest(ref=str(write_toy(convert=fault)), preset="bf16", output=tmp_path / "out" / "model")
    error = failed(workspace.convert(request))
    assert error.code == "unexpected"
    assert error.message == words
    assert "toy.py" in "".join(error.__notes__)
    nothing_left()


def test_what_the_worker_said_last_is_kept_for_debug(workspace: Workspace, write_toy: WriteToy) -> None:
    error = failed(workspace.generate(write_toy(), GenerateRequest(prompt="oom")))
    assert "[METAL] Command buffer execution failed" in "".join(error.__notes__)
    assert "Warning" not in "".join(error.__notes__)


def test_what_a_dead_worker_left_is_removed_when_nothing_can_go_on_with_it(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, nothing_left: Callable[[], None]
) -> None:
    output = tmp_path / "out" / "model"
    error = failed(workspace.convert(ConvertRequest(ref=str(write_toy(convert="kill")), preset="bf16", output=output)))
    nothing_left()
    assert "kept" not in error.message + error.hint


def test_what_a_dead_worker_wrote_is_kept_said_and_taken_up(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "model"
    source = write_toy(resumable=True, convert="kill")
    request = ConvertRequest(ref=str(source), preset="bf16", output=output)
    error = failed(workspace.convert(request))
    assert re.search(r"\d [kM]B that it wrote are kept\.", error.message)
    assert SetOption("resume", True) in error.remedies
    assert "fewer bits" not in error.hint
    workspace.settings.set("output_folder", tmp_path / "out")
    (left,) = workspace.leftovers()
    assert (left.path, left.kind) == (output.resolve(), "unfinished")
    assert not (left.place / "scratch").exists()
    (source / "config.json").write_text('{"model_type": "toy", "resumable": true}')
    workspace.convert(replace(request, resume=True)).result(timeout=120)
    assert [path.name for path in output.parent.iterdir()] == ["model"]
    assert workspace.leftovers() == ()


def test_the_next_conversion_without_resume_clears_it(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "model"
    bad = write_toy("bad", resumable=True, convert="kill")
    failed(workspace.convert(ConvertRequest(ref=str(bad), preset="bf16", output=output)))
    assert [path.name for path in output.parent.iterdir()] != []
    workspace.convert(ConvertRequest(ref=str(write_toy()), preset="bf16", output=output)).result(timeout=120)
    assert [path.name for path in output.parent.iterdir()] == ["model"]
