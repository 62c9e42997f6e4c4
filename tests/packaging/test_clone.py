"""What lies around in a clone (the demo's models, other folders) changes neither a check nor a package."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("check", [("check",), ("format", "--check")], ids=["lint", "format"])
def test_the_style_check_reads_our_files_only(clone: Path, check: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "ruff", *check, "--no-cache", "."]
    ended = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


def test_the_style_check_reads_all_of_our_files(clone: Path, project: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--show-files", "."]
    shown = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout
    read = {Path(line).resolve().relative_to(clone.resolve()) for line in shown.splitlines() if line.endswith(".py")}
    ours = project["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    there = {path for name in ours for path in (clone / name).rglob("*.py")} | {clone / "hatch_build.py"}
    assert read == {path.relative_to(clone) for path in there}


def test_the_source_archive_is_our_files_and_no_others(dist: Path, clone: Path, project: dict[str, Any]) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        packed = {Path(*Path(name).parts[1:]) for name in opened.getnames()}
    ours = {Path(name) for name in project["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]}
    own = {path.relative_to(clone) for name in ours for path in (clone / name).rglob("*") if path.is_file()}
    own |= {name for name in ours if (clone / name).is_file()}
    assert packed == own | {Path(".gitignore"), Path("PKG-INFO")}


def test_the_wheel_is_our_packages_and_no_others(dist: Path, project: dict[str, Any]) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        top = {name.partition("/")[0] for name in opened.namelist()}
    packages = {Path(name).name for name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    assert top == packages | {f"mlx_convert-{project['project']['version']}.dist-info"}


def test_the_wheel_speaks_every_language(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        found = {name for name in opened.namelist() if name.endswith(".po")}
    folder = ROOT / "frontends"
    assert found == {path.relative_to(folder).as_posix() for path in folder.rglob("*.po")} != set()


def test_everything_that_git_knows_is_in_the_source_archive(project: dict[str, Any]) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no clone: the source archive itself is tested")
    top = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    assert top == {*project["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"], ".gitignore"}
