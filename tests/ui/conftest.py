"""The UI under test: in this process as a simulated user sees it, and for real in a browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Read by NiceGUI when it is imported.
os.environ["NICEGUI_STORAGE_PATH"] = tempfile.mkdtemp(prefix="mlx-convert-ui-test-")

import pytest
from mlx_convert_ui.state.studio import Studio

from mlx_convert_core import ConvertRequest, Workspace

SCRIPTED = Path(__file__).parents[1] / "browser/plugins/scripted.py"


@pytest.fixture
def workspace(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Give a workspace that writes below the test's own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Workspace() as workspace:
        yield workspace


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    """Give what the pages share."""
    return Studio(workspace)


@pytest.fixture(scope="session")
def tiny_model(_tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the tiny checkpoint, converted once; read only."""
    folder = tmp_path_factory.mktemp("tiny")
    with Workspace(home=folder / "home") as workspace:
        request = ConvertRequest(ref=str(_tiny_llama), preset="8bit", output=folder / "tiny-llama-MLX-8bit")
        return workspace.convert(request).result().path


@pytest.fixture
def scripted(home: Path) -> None:
    """Let folders with a script answer by it; name this fixture before ``workspace``."""
    (home / "plugins").mkdir()
    shutil.copy(SCRIPTED, home / "plugins")


@pytest.fixture
def held(home: Path) -> Path:
    """Keep scripted answers from ending until this file is deleted."""
    hold = home / "hold"
    hold.touch()
    return hold
