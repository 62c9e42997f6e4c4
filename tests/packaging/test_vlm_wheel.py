"""The plugin for models that see and hear, as it is installed: a wheel of its own beside ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(dist: Path, clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run mlx-convert of a fresh environment with both wheels; what they need comes from that of the tests.

    mlx-vlm itself is not there: `make vlm` tests with it.
    """
    folder = tmp_path_factory.mktemp("vlm")
    built = folder / "dist"
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", built],
        cwd=clone / "plugins" / "mlx-convert-vlm",
        capture_output=True,
        check=True,
    )
    environment = folder / "environment"
    venv.create(environment)
    (site,) = environment.glob("lib/python*/site-packages")
    packages = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "dependencies.pth").write_text("\n".join(packages))  # after what is installed here
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--quiet"]
    for wheel in (*dist.glob("*.whl"), *built.glob("*.whl")):
        subprocess.run([*pip, "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)], check=True)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments: object) -> str:
        ended = subprocess.run(
            [str(environment / "bin" / "mlx-convert"), *map(str, arguments)],
            cwd=folder,
            env={**variables, "MLX_CONVERT_HOME": str(folder / "home")},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


def test_it_is_a_plugin_like_a_strangers(run: Run) -> None:
    listed = json.loads(run("plugins", "--json"))
    plugin = next(plugin for plugin in listed["plugins"] if plugin["name"] == "mlx_convert_vlm")
    assert (plugin["distribution"], plugin["built_in"]) == ("mlx-convert-vlm", False)
    assert plugin["hooks"] == ["model_converter", "model_runner", "model_senses"]
    assert listed["failures"] == []


def test_without_mlx_vlm_it_leaves_every_model_to_others(
    run: Run, mlx_convert_checkpoint: Path, tmp_path: Path
) -> None:
    run("convert", mlx_convert_checkpoint, "--preset", "4bit", "--output", tmp_path / "model")
    assert (tmp_path / "model" / "config.json").exists()
