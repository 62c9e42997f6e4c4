from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlx_convert_core import Workspace

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(home=tmp_path / "home") as workspace:
        yield workspace


@pytest.fixture
def dying(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A workspace with the plugin that the module's ``KILLER`` is, which kills its process where there is a file
    ``die`` beside it, and takes that away: so it does once."""
    plugins = tmp_path / "home" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "killer.py").write_text(request.module.KILLER)
    (plugins / "die").touch()
    with Workspace(home=tmp_path / "home") as workspace:
        yield workspace


@pytest.fixture
def short_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have conversions in this process learn from a quarter of the text, where it is not tested how well they learn."""
    from mlx_convert_engine import calibrating

    monkeypatch.setattr(calibrating, "TOKENS", calibrating.TOKENS // 4)
