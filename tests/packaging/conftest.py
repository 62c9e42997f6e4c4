"""The project as a person gets it: a clone of its files, and the packages that are built from one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def project() -> dict[str, Any]:
    """Give pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory, project: dict[str, Any]) -> Path:
    """Give a copy of everything that belongs to the project, after `make demo` and a person's own work in it."""
    folder = tmp_path_factory.mktemp("clone") / "mlx-convert"
    folder.mkdir()
    ours: list[str] = project["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    for name in [".gitignore", *ours]:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            shutil.copy2(ROOT / name, folder / name)
    _strew(folder)
    return folder


@pytest.fixture(scope="session")
def dist(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheel and the source archive that are built from the clone."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=clone, check=True, capture_output=True)
    return folder


def _strew(folder: Path) -> None:
    """Leave models with code of their own and folders named like packages that we import: nothing of ours."""
    ugly = "import sys,os\nraise SystemExit(  'foreign code was run' )\n"
    for name in (
        "models/SmolLM2-MLX-4bit",
        "quantized",
        "pages",
        "click",
        "pytest",
        "mlx_convert_cli",
        "dist",
        ".venv/lib",
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / "test_modeling.py").write_text(ugly)
    (folder / "models" / "SmolLM2-MLX-4bit" / "model.safetensors").write_bytes(bytes(100))
    (folder / "notes.py").write_text(ugly)
