"""`mlx-convert plugins new`, from the installed program to an installed plugin: what a plugin's author does first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]
NAME = "my-very-own-team-of-converters"  # as long as can be: no line of the package must become too long by it


@pytest.fixture(scope="module")
def run(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a program of a fresh environment with our wheel, in an empty folder; dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("author")
    environment = folder / "environment"
    venv.create(environment)
    (site,) = environment.glob("lib/python*/site-packages")
    packages = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "dependencies.pth").write_text("\n".join(packages))  # after what is installed here
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(program: str, *arguments: object, below: str = "", code: int = 0) -> str:
        command = [environment / "bin" / program, *arguments]
        settings = {**variables, "MLX_CONVERT_HOME": str(folder / "home")}
        ended = subprocess.run(
            [str(word) for word in command], cwd=folder / below, env=settings, capture_output=True, text=True
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    (wheel,) = dist.glob("*.whl")
    install(wheel, environment)
    run("mlx-convert", "plugins", "new", NAME)
    return run


@pytest.fixture(scope="module")
def package(run: Run) -> Path:
    """Give the new package, built and installed beside our wheel."""
    folder = Path(run("python", "-c", "import os; print(os.getcwd())").strip())
    made = folder / f"mlx-convert-{NAME}"
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel"], cwd=made, capture_output=True, check=True
    )
    (wheel,) = (made / "dist").glob("*.whl")
    install(wheel, folder / "environment")
    return made


def install(wheel: Path, environment: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)], check=True)


def test_the_program_that_ran_was_the_installed_one(run: Run, package: Path) -> None:
    shown = run("python", "-P", "-c", "import mlx_convert_core, mlx_convert_cli.main as m; print(m.__file__)")
    assert Path(shown.strip()).is_relative_to(package.parent / "environment")


def test_the_new_packages_own_tests_pass(run: Run, package: Path) -> None:
    assert "4 passed" in run(
        "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", below=package.name
    )


@pytest.mark.parametrize("check", [("ruff", "format", "--check"), ("ruff", "check"), ("mypy",)], ids=" ".join)
def test_the_new_package_is_clean(run: Run, package: Path, check: tuple[str, ...]) -> None:
    run("python", "-m", *check, below=package.name)


def test_the_program_sees_what_the_plugin_adds(run: Run, package: Path) -> None:
    listed = json.loads(run("mlx-convert", "plugins", "--json"))
    plugin = next(plugin for plugin in listed["plugins"] if plugin["name"] == NAME)
    assert (plugin["distribution"], plugin["version"], plugin["built_in"]) == (package.name, "0.1.0", False)
    assert plugin["hooks"] == ["pre_convert", "register_presets", "register_upload_targets"]
    assert listed["failures"] == []
    assert f"\n{NAME} " in run("mlx-convert", "presets")
    (package.parent / "model").mkdir()
    (package.parent / "model" / "config.json").write_text('{"model_type": "llama"}')
    refused = run("mlx-convert", "upload", "model", "--to", f"{NAME}:tiny", code=1)
    assert "there is no shared folder" in refused
    assert "MY_VERY_OWN_TEAM_OF_CONVERTERS_FOLDER" in refused


def test_the_name_is_taken_then(run: Run, package: Path) -> None:
    assert "is there already" in run("mlx-convert", "plugins", "new", NAME, "--output", "again", code=2)
    assert not (package.parent / "again").exists()
