"""Ctrl-C: the first cancels cleanly, the second ends everything at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

Start = Callable[..., "subprocess.Popen[str]"]

# A source whose files take as long to arrive as the test wants.
SLOW = """
import os, time
from pathlib import Path
from mlx_convert_core.plugin import hookimpl, inspect_folder

class Slow:
    def __init__(self, path):
        self.path = path
    def inspect(self):
        if os.environ.get("STUCK") == "inspect":
            os.write(1, b"here\\n")
            time.sleep(600)
        return inspect_folder(self.path, ref=f"slow:{self.path}")
    def fetch(self, model, scratch, report):
        (scratch / "partial").write_bytes(b"x" * 1000)
        for done in range(600):
            report.progress("fetch", done + 1, 1000)
            if os.environ.get("STUCK") != "fetch":
                report.check_cancelled()
            time.sleep(0.1)

@hookimpl
def model_source(ref, revision):
    if ref.startswith("slow:"):
        return Slow(Path(ref[5:]))
"""


@pytest.fixture
def slow(add_plugin: Callable[[str, str], None], tiny_llama: Path) -> str:
    """Give a ref that never arrives."""
    add_plugin("slow", SLOW)
    return f"slow:{tiny_llama}"


def test_one_ctrl_c_cancels_and_leaves_nothing(start: Start, slow: str, tmp_path: Path) -> None:
    program = start("convert", slow, "--output", "models/out", "--json")
    _until(program, '"Progress"')
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert err == ""
    assert json.loads(out.splitlines()[-1])["event"] == "JobCancelled"
    assert _left(tmp_path) == []


def test_for_people_a_cancel_is_one_line(terminal: Callable[..., Any], slow: str, tmp_path: Path) -> None:
    program = terminal("convert", slow, "--output", "out")
    program.expect("fetch")
    program.expect("of 1.00 kB")
    program.type("\x03")
    assert program.wait() == 130
    assert program.text.rstrip().splitlines()[-1].startswith("cancelled. Nothing half-made was kept.")
    assert program.text.count("cancelled.") == 1
    assert _left(tmp_path) == []


def test_a_second_ctrl_c_kills_a_worker_that_does_not_listen(
    start: Start, slow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUCK", "fetch")
    program = start("convert", slow, "--output", "out", "--json")
    _until(program, '"Progress"')
    workers = psutil.Process(program.pid).children()
    assert workers
    program.send_signal(signal.SIGINT)
    _pause()
    program.send_signal(signal.SIGINT)
    assert program.wait(60) == 130
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    assert _left(tmp_path) == []


def test_a_second_ctrl_c_ends_a_program_that_is_stuck(start: Start, slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUCK", "inspect")
    program = start("convert", slow)
    _until(program, "here")
    program.send_signal(signal.SIGINT)
    _pause()
    program.send_signal(signal.SIGINT)
    assert program.wait(60) == 130


def test_ctrl_c_at_a_question_changes_nothing(terminal: Callable[..., Any], tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    program = terminal("convert", tiny_llama, "--output", "out")
    program.expect("Replace it?")
    _pause()  # a signal in the microseconds before the program waits for input would be lost
    program.type("\x03")
    assert program.wait() == 130
    assert program.text.rstrip().splitlines()[-1] == "cancelled."
    assert list((tmp_path / "out").iterdir()) == []


def test_a_killed_program_takes_its_worker_along(start: Start, slow: str, tmp_path: Path) -> None:
    program = start("convert", slow, "--output", "out", "--json")
    _until(program, '"Progress"')
    workers = psutil.Process(program.pid).children()
    os.kill(program.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
    assert not (tmp_path / "out").exists()


def _until(program: subprocess.Popen[str], text: str) -> None:
    assert program.stdout is not None
    for line in program.stdout:
        if text in line:
            return
    raise AssertionError(f"ended without {text!r}")


def _pause() -> None:
    """What a person needs between two keys; two signals at once would be one."""
    time.sleep(0.5)


def _left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "tiny-llama" not in path.parts and path.name != "models"]
