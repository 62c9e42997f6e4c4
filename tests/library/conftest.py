"""The library is rebuilt from the output folder, which is below the current one."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder in which no other test, and no demo, has put models."""
    monkeypatch.chdir(tmp_path)
