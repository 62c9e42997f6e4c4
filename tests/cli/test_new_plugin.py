"""`mlx-convert plugins new NAME` begins a package, and says no to names and folders that can't be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import Result
from mlx_convert_cli.new_plugin import FILES, LONGEST, TEMPLATE

Run = Callable[..., Result]


def test_a_package_is_made_and_named_on_standard_output(run: Run, tmp_path: Path) -> None:
    made = run("plugins", "new", "my-team")
    assert (made.exit_code, made.stdout) == (0, f"{tmp_path / 'mlx-convert-my-team'}\n")
    assert "cd ./mlx-convert-my-team" in made.stderr
    project = tomllib.loads((tmp_path / "mlx-convert-my-team" / "pyproject.toml").read_text())["project"]
    assert project["name"] == "mlx-convert-my-team"
    assert project["entry-points"] == {"mlx_convert": {"my-team": "mlx_convert_my_team"}}
    texts = [path.read_text() for path in (tmp_path / "mlx-convert-my-team").rglob("*") if path.is_file()]
    assert len(texts) == len(FILES)
    assert not [text for text in texts if "acme" in text.lower()]


@pytest.mark.parametrize("name", ["my-team", "mlx-convert-my-team", "My_Team", "mlx_convert.my team"])
def test_a_name_may_be_written_in_many_ways(run: Run, tmp_path: Path, name: str) -> None:
    made = json.loads(run("plugins", "new", name, "--output", "below/here", "--json").stdout)
    assert made["plugin"] == "my-team"
    assert (made["package"], made["module"]) == ("mlx-convert-my-team", "mlx_convert_my_team")
    assert made["path"] == str(tmp_path / "below" / "here")
    there = {str(path.relative_to(made["path"])) for path in Path(made["path"]).rglob("*") if path.is_file()}
    assert there == set(made["files"])
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["here"]  # and nothing hidden beside it


@pytest.mark.parametrize(
    "name", ["", "7b", "é", "a/b", "../x", "a--", "-", "x" * (LONGEST + 1), "mlx-convert-", "a\nb", "$(id)"]
)
def test_what_can_not_be_a_name_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    refused = run("plugins", "new", "--json", "--", name)
    assert (refused.exit_code, json.loads(refused.stdout)["error"]["code"]) == (2, "plugin_name")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "hub", "core", "lm", "cli", "engine"])
def test_the_name_of_something_that_is_there_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    refused = run("plugins", "new", name)
    assert refused.exit_code == 2
    assert "is there already" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mlx-convert-my-team").mkdir()
    refused = run("plugins", "new", "my-team")
    assert refused.exit_code == 1
    assert "mlx-convert plugins new my-team --output FOLDER" in refused.stderr
    assert list((tmp_path / "mlx-convert-my-team").iterdir()) == []


def test_a_place_that_can_not_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run("plugins", "new", "my-team", "--output", "file/here", "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["error"]["code"]) == (2, "not_writable")


@pytest.mark.parametrize("name", ["a", "x" * LONGEST])
def test_the_style_is_right_for_short_names_and_long_ones(run: Run, name: str) -> None:
    folder = run("plugins", "new", name).stdout.strip()
    for check in (["format", "--check"], ["check"]):
        ended = subprocess.run([sys.executable, "-m", "ruff", *check, "--no-cache"], cwd=folder, capture_output=True)
        assert ended.returncode == 0, ended.stdout.decode()


def test_the_template_is_whole_and_asks_for_this_version() -> None:
    tools = re.compile(r"__pycache__|\.\w+_cache")
    there = {str(path.relative_to(TEMPLATE)) for path in TEMPLATE.rglob("*") if path.is_file()}
    assert {file for file in there if not tools.search(file)} == set(FILES)
    asked = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())["project"]["dependencies"]
    major, minor, *_ = version("mlx-convert").split(".")
    assert asked == [f"mlx-convert>={major}.{minor},<{major}.{int(minor) + 1}"]
