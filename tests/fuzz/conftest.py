from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz.loop import Fuzz
from mlx_convert_core import Workspace


@pytest.fixture
def fuzz(tmp_path: Path, home: Path, amount: str, monkeypatch: pytest.MonkeyPatch) -> Fuzz:
    """Give the loop, sampled or whole, in a folder of its own; the working folder is one that nothing may touch."""
    loop = Fuzz(tmp_path, home, amount)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "outside")
    return loop


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace
