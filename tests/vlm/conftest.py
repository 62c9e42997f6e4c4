"""What the tests share. They need mlx-vlm: `make vlm` has an environment of its own for them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import seeing
from PIL import Image

from mlx_convert_core import ConvertRequest, Workspace

os.environ.setdefault("MLX_CONVERT_VERIFY", "0")
collect_ignore_glob = [] if find_spec("mlx_vlm") else ["test_*.py"]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that sees, as it is published."""
    folder = tmp_path_factory.mktemp("source") / "tiny-seeing"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seeing.write_seeing_model(folder)
    return folder


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace of the tests' own, with this plugin as it is installed."""
    with Workspace(home=tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture(scope="session")
def converted(checkpoint: Path, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model at 4 bit."""
    folder = tmp_path_factory.mktemp("models") / "seeing-4bit"
    return workspace.convert(ConvertRequest(ref=checkpoint, preset="4bit", output=folder)).result().path


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two pictures that look nothing alike."""
    folder = tmp_path_factory.mktemp("pictures")
    red, fractal = folder / "red.png", folder / "fractal.png"
    Image.new("RGB", (80, 60), (200, 30, 30)).save(red)
    Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 50).convert("RGB").save(fractal)
    return red, fractal
