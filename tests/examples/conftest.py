"""The example plugin, built and installed beside everything else, as `pip install` does it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).with_name("mlx-convert-audit")
collect_ignore = ["mlx-convert-audit"]  # its tests need it installed: test_audit_package.py runs them


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the plugin's wheel and install it into a folder of its own."""
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / PACKAGE.name)
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--disable-pip-version-check", "--target", str(site), str(source)], check=True)
    return site


@pytest.fixture
def environment(installed: Path, tmp_path: Path) -> dict[str, str]:
    """Give the environment in which the plugin is there, and logs into ``audit.jsonl``."""
    return {**os.environ, "PYTHONPATH": str(installed), "MLX_CONVERT_AUDIT": str(tmp_path / "audit.jsonl")}
