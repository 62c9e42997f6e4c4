"""A Mac stays awake while something is converted or sent, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mlx_convert_core import Cancelled, ConvertRequest, Workspace
from mlx_convert_core.base import awake as module
from mlx_convert_core.base.awake import awake

from .conftest import AddPlugin, WriteToy

# It notes with what it was called and waits, as the real one does, for the end of that process.
KEEPER = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
echo $$ >> "$(dirname "$0")/pids"
while kill -0 $3 2>/dev/null; do sleep 0.05; done
"""
SECONDS = 20.0
# Works until the program that keeps the Mac awake has written its note: a toy is converted faster than it starts.
PATIENT = """
import os, shutil, time

def wait(notes):
    calls = Path(shutil.which("caffeinate")).with_name("calls")
    while not calls.exists() or calls.read_text().count("-w") < notes:
        time.sleep(0.02)

@hookimpl
def post_convert(plan, staging):
    wait(1)

class Slow:
    name, summary = "slow", "nowhere"

    def check(self, request):
        return request

    def preview(self, request):
        return ""

    def upload(self, request, report):
        wait(2)
        return UploadResult(location="", files=0, sent_files=0, sent_bytes=0)

@hookimpl
def register_upload_targets():
    yield Slow()
"""


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program called ``caffeinate`` first on PATH, as if this were a Mac; where it takes its notes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "caffeinate").write_text(KEEPER)
    (folder / "caffeinate").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(module, "KEEPER", "caffeinate")
    return folder


def calls(keeper: Path) -> list[str]:
    return (keeper / "calls").read_text().splitlines() if (keeper / "calls").exists() else []


def running(keeper: Path) -> list[int]:
    return [int(pid) for pid in (keeper / "pids").read_text().split() if psutil.pid_exists(int(pid))]


def until(true: Callable[[], object]) -> None:
    for _ in range(int(SECONDS * 50)):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def test_a_conversion_and_an_upload_keep_it_awake_and_leave_nothing_behind(
    keeper: Path, toys: None, add_plugin: AddPlugin, write_toy: WriteToy, tmp_path: Path
) -> None:
    add_plugin("patient", PATIENT)
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(write_toy()), output=tmp_path / "out", preset="bf16")
        model = workspace.convert(request, inline=True).result().models[0]
        workspace.upload(model.path, "slow:there", inline=True).result()
    assert calls(keeper) == [f"-i -w {os.getpid()}"] * 2
    assert running(keeper) == []


def test_a_cancelled_conversion_lets_it_sleep_again(
    keeper: Path, workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    job = workspace.convert(ConvertRequest(ref=str(write_toy(convert="wait")), output=tmp_path / "out", preset="bf16"))
    until(lambda: calls(keeper))
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(SECONDS)
    assert running(keeper) == []


def test_a_program_that_is_killed_takes_it_along(keeper: Path) -> None:
    code = (
        "import time\nfrom mlx_convert_core.base import awake\nawake.KEEPER = 'caffeinate'\n"
        "with awake.awake():\n    print('awake', flush=True)\n    time.sleep(600)\n"
    )
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stdout.readline() == b"awake\n"
    until(lambda: (keeper / "pids").exists() and running(keeper))
    program.kill()
    program.wait()
    program.stdout.close()
    until(lambda: not running(keeper))


def test_without_it_nothing_is_missed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "KEEPER", "caffeinate")
    monkeypatch.setenv("PATH", str(tmp_path))
    with awake():
        pass
