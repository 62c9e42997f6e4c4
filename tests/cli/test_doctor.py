"""`doctor` names what killed programs left behind, and removes it when asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from mlx_convert_cli import health

from mlx_convert_core.base import mac

Run = Callable[..., Result]


@pytest.fixture
def unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give what a conversion left whose program is gone; MLX itself is not asked."""
    monkeypatch.setattr(health, "_device", health._python)
    root = tmp_path / "models" / ".Model-8bit.partial-0123abcd"
    (root / "output").mkdir(parents=True)
    (root / "output" / "model.safetensors").write_bytes(bytes(2_000_000))
    (root / "written").write_text("made from\nlayer.weight digest\n")
    (root / "owner.json").write_text('{"pid": 4194304, "started": 1.0}')
    return root


def test_what_is_left_behind_is_said_with_size_and_next_step(run: Run, unfinished: Path) -> None:
    told = run("doctor").stdout
    line = next(line for line in told.splitlines() if "leftovers" in line)
    assert line.startswith(f"warn  leftovers        {unfinished} (2.")
    assert line.endswith(" MB): Model-8bit was not finished")
    assert "--resume" in told
    assert "mlx-convert doctor --clear" in told
    assert unfinished.exists()


def test_clear_removes_it_and_says_so(run: Run, unfinished: Path) -> None:
    ended = run("doctor", "--clear", "--json")
    (check,) = [check for check in json.loads(ended.stdout) if check["name"] == "leftovers"]
    assert check["state"] == "ok"
    assert check["detail"].startswith(f"removed: {unfinished} (2.")
    assert not unfinished.exists()
    assert "leftovers        none" in run("doctor").stdout


def test_a_python_under_rosetta_is_told_by_that_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_device", health._python)
    monkeypatch.setattr(health, "mac_trouble", lambda: mac._ROSETTA)
    ended = run("doctor", "--json")
    (check,) = [check for check in json.loads(ended.stdout) if check["name"] == "platform"]
    assert check["state"] == "fail"
    assert "runs under Rosetta" in check["detail"]
    assert "for Apple silicon (arm64)" in check["hint"]
    assert ended.exit_code == 1
