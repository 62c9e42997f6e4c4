"""A program that is killed takes its worker along and leaves nothing to be seen; the next run clears the rest."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mlx_convert_core import ConvertRequest, Workspace

WriteToy = Callable[..., Path]
PROGRAM = """
import sys
from mlx_convert_core import ConvertRequest, Workspace

with Workspace() as workspace:
    job = workspace.convert(ConvertRequest(ref=sys.argv[1], preset="bf16", output=sys.argv[2]))
    for event in job.events():
        print(type(event).__name__, flush=True)
    job.result()
"""


def start(source: Path, output: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(source), str(output)], stdout=subprocess.PIPE, text=True
    )


def worker_of(program: subprocess.Popen[str]) -> psutil.Process:
    return psutil.Process(program.pid).children()[0]


def heard(program: subprocess.Popen[str], word: str) -> None:
    assert program.stdout is not None
    assert any(line.strip() == word for line in program.stdout)


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def visible(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")] if folder.exists() else []


@pytest.mark.parametrize("doing", ["wait", "sleep"])
def test_a_killed_program_takes_its_worker_along(toys: None, write_toy: WriteToy, tmp_path: Path, doing: str) -> None:
    output = tmp_path / "out" / "model"
    source = write_toy(convert=doing)
    with start(source, output) as program:
        heard(program, "Progress")
        worker = worker_of(program)
        program.kill()
        wait_until(lambda: ended(worker))
    assert visible(tmp_path / "out") == []
    (source / "config.json").write_text(json.dumps({"model_type": "toy"}))
    with Workspace() as workspace:
        workspace.convert(ConvertRequest(ref=str(source), preset="bf16", output=output)).result(timeout=120)
    assert [path.name for path in output.parent.iterdir()] == ["model"]


def test_kills_at_random_moments_leave_nothing_visible(toys: None, write_toy: WriteToy, tmp_path: Path) -> None:
    source, output = write_toy(convert="linger"), tmp_path / "out" / "model"
    moments = random.Random(5)
    for _ in range(4):
        with start(source, output) as program:
            heard(program, moments.choice(["JobStarted", "StepStarted", "Progress"]))
            time.sleep(moments.random() * 0.2)
            victim = moments.choice([program.pid, worker_of(program).pid])
            os.kill(victim, signal.SIGKILL)
        assert visible(tmp_path / "out") in ([], ["model"])
        if output.exists():
            assert (output / "mlx_convert.json").exists()
            break
    request = ConvertRequest(ref=str(source), preset="bf16", output=output, force=True)
    with Workspace() as workspace:
        workspace.convert(request).result(timeout=120)
    assert [path.name for path in output.parent.iterdir()] == ["model"]
