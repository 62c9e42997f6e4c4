"""How to add a package is told for the environment that is there: uv's and pipx's tools are not pip's to change."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core.plugin import install_command


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of the environment that this Python is told to be in."""
    folder = tmp_path / "tools" / "mlx-convert"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(folder))
    return folder


def without_pip(name: str, *rest: Any) -> Any:
    return None if name == "pip" else importlib.util.find_spec(name, *rest)


def test_pip_adds_it_to_a_plain_environment(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/My Disk/bin/python")
    assert install_command("mlx") == "'/My Disk/bin/python' -m pip install mlx"
    assert install_command("mlx", again=True) == "'/My Disk/bin/python' -m pip install --force-reinstall mlx"


def test_uv_adds_it_to_an_environment_without_pip(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/python")
    monkeypatch.setattr("mlx_convert_core.base.installing.find_spec", without_pip)
    assert install_command("mlx") == "uv pip install --python /bin/python mlx"
    assert install_command("mlx", again=True) == "uv pip install --reinstall --python /bin/python mlx"


def test_pipx_injects_it(prefix: Path) -> None:
    (prefix / "pipx_metadata.json").write_text("{}")
    assert install_command("pywebview") == "pipx inject mlx-convert pywebview"
    assert install_command("mlx", again=True) == "pipx runpip mlx-convert install --force-reinstall mlx"


@pytest.mark.parametrize(
    ("requirements", "added"),
    [
        ('{ name = "mlx-convert" }', "mlx-convert --with pywebview"),
        ('{ name = "mlx-convert" }, { name = "my-plugin" }', "mlx-convert --with my-plugin --with pywebview"),
        ('{ name = "mlx-convert", directory = "/My Disk/clone" }', "'/My Disk/clone' --with pywebview"),
    ],
)
def test_uv_installs_its_tool_anew_with_everything_it_had(prefix: Path, requirements: str, added: str) -> None:
    (prefix / "uv-receipt.toml").write_text(f"[tool]\nrequirements = [{requirements}]\nentrypoints = []\n")
    assert install_command("pywebview") == f"uv tool install {added}"


def test_uv_reinstalls_one_package_of_its_tool(prefix: Path) -> None:
    (prefix / "uv-receipt.toml").write_text("what is this?")
    assert install_command("mlx", again=True) == "uv tool install --reinstall-package mlx mlx-convert"
