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
