"""What was learned is kept for a conversion that goes on after a crash: on the disk itself, before it has its name."""

from __future__ import annotations

import os
from pathlib import Path

import mlx.core as mx
import pytest
from mlx_convert_engine.choosing import Found, keep
from mlx_convert_engine.kept_inputs import KeptInputs
from mlx_convert_engine.tuning.rounding import Inputs

from mlx_convert_core.base import flushing


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The files that the disk was told to write down, by identity."""
    found: set[int] = set()
    real = os.fsync

    def noting(handle: int) -> None:
        found.add(os.fstat(handle).st_ino)
        real(handle)

    monkeypatch.setattr(flushing, "_FULL", None)  # a Mac's own command
    monkeypatch.setattr(os, "fsync", noting)
    return found


def test_statistics_and_measurements_are_on_the_disk_before_they_count(tmp_path: Path, flushed: set[int]) -> None:
    kept = KeptInputs(tmp_path / "learned")
    places = kept.save(0, {"layer": (mx.ones((2, 2)),)})
    kept.done("source", {"layer": Inputs(mx.ones((2,)), tokens=1, place=places["layer"], columns=2, apart="")})
    keep(tmp_path / "learned", "4bit", "source", Found({}))
    files = sorted(path.name for path in (tmp_path / "learned").iterdir())
    assert len(files) == 3
    assert {path.stat().st_ino for path in (tmp_path / "learned").iterdir()} <= flushed
    assert (tmp_path / "learned").stat().st_ino in flushed
