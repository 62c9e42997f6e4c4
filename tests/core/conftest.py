"""A workspace with the toy plugin, checkpoints for it, and a way to add more plugins."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core import Workspace
from mlx_convert_core.plugin import ShardWriter, TensorInfo

AddPlugin = Callable[[str, str], Path]
WriteToy = Callable[..., Path]


@pytest.fixture
def add_plugin(home: Path) -> AddPlugin:
    """Put a single-file plugin into the home folder; before the workspace is opened."""

    def add(name: str, code: str) -> Path:
        path = home / "plugins" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f"from mlx_convert_core import *\nfrom mlx_convert_core.plugin import *\nfrom pathlib import Path\n\n{code}"
        )
        return path

    return add


@pytest.fixture
def toys(home: Path) -> None:
    """Put the toy plugin into the home folder."""
    (home / "plugins").mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("toy.py"), home / "plugins" / "toy.py")


@pytest.fixture
def workspace(toys: None) -> Iterator[Workspace]:
    """Open a workspace with the toy plugin, and what `add_plugin` added before."""
    with Workspace() as workspace:
        yield workspace


@pytest.fixture
def write_toy(tmp_path: Path) -> WriteToy:
    """Write a checkpoint of four small tensors; ``config`` goes into config.json."""

    def write(name: str = "toy-model", **config: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        tensors = tuple(
            TensorInfo(name=f"layer.{number}.weight", dtype="BF16", shape=(8, 64), shard="model.safetensors")
            for number in range(4)
        )
        with ShardWriter(folder, tensors) as writer:
            for number, tensor in enumerate(tensors):
                writer.write(tensor.name, bytes([number + 1]) * tensor.nbytes)
        (folder / "config.json").write_text(json.dumps({"model_type": "toy", **config}))
        (folder / "tokenizer.json").write_text("{}")
        return folder

    return write


@pytest.fixture
def nothing_left(tmp_path: Path) -> Callable[[], None]:
    """Check that ``tmp_path / "out"`` and everything in it is gone."""

    def check() -> None:
        place = tmp_path / "out"
        assert not place.exists(), [str(path) for path in place.rglob("*")]

    return check
