"""The UI under test: in this process as a simulated user sees it, and for real in a browser."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Read by NiceGUI when it is imported.
os.environ["NICEGUI_STORAGE_PATH"] = tempfile.mkdtemp(prefix="mlx-convert-ui-test-")

import pytest
from mlx_convert_ui.studio import Studio

from mlx_convert_core import Workspace


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
