"""Plugins of every kind: a single file in the home folder, or a package as pip installs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HEAD = "from mlx_convert_core import *\nfrom mlx_convert_core.plugin import *\nfrom pathlib import Path\n\n"
AddFile = Callable[[str, str], Path]
AddPackage = Callable[..., Path]


@pytest.fixture
def add_file(home: Path) -> AddFile:
    """Put a single-file plugin into the home folder."""

    def add(name: str, code: str) -> Path:
        path = home / "plugins" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + code)
        return path

    return add


@pytest.fixture
def add_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AddPackage]:
    """Put a module with an entry point and a distribution's name where Python finds installed packages."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")])))
    before = set(sys.modules)

    def add(name: str, code: str, *, distribution: str = "", target: str = "") -> Path:
        distribution = distribution or name.replace("_", "-")
        information = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[mlx_convert]\n{name} = {target or name}\n")
        path = site / f"{name}.py"
        path.write_text(HEAD + code)
        return path

    yield add
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(site)):
            del sys.modules[name]


@pytest.fixture(params=["file", "package"])
def add_plugin(
    request: pytest.FixtureRequest, add_file: AddFile, add_package: AddPackage
) -> Callable[[str, str], Path]:
    """Add a plugin, once as a file and once as a package."""
    return add_file if request.param == "file" else add_package
