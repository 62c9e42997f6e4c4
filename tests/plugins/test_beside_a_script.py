"""A plugin that a script imports from its own folder is found by the worker, and nothing else of that folder is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from mlx_convert_core import ConvertRequest, Workspace
from {package} import signing

with Workspace(plugins=[signing]) as workspace:
    job = workspace.convert(ConvertRequest(ref=sys.argv[1], preset="bf16", output=sys.argv[2]))
    print((job.result().path / "SIGNED").read_text())
"""
PLUGIN = """
from mlx_convert_core.plugin import hookimpl
from {package} import helper

@hookimpl
def post_convert(plan, staging):
    (staging / "SIGNED").write_text(helper.NAME)
"""


@pytest.mark.parametrize("started", ["as a file", "from its own folder, by -c"])
def test_the_worker_finds_it(tiny_llama: Path, tmp_path: Path, started: str) -> None:
    folder = tmp_path / "scripts"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine" / "__init__.py").touch()
    (folder / "mine" / "signing.py").write_text(PLUGIN.format(package="mine"))
    (folder / "mine" / "helper.py").write_text("NAME = 'me'\n")
    (folder / "script.py").write_text(SCRIPT.format(package="mine"))
    how = [str(folder / "script.py")] if started == "as a file" else ["-c", (folder / "script.py").read_text()]
    ended = subprocess.run(
        [sys.executable, *how, tiny_llama, tmp_path / "out"],
        cwd=tmp_path if started == "as a file" else folder,
        env={key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"},
        capture_output=True,
        text=True,
    )
    assert (ended.stdout, ended.stderr) == ("me\n", "")


def test_what_lies_beside_it_takes_the_place_of_nothing(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "signing.py").write_text(PLUGIN.replace("from {package} import helper", "class helper: NAME = 'me'"))
    (tmp_path / "xxhash.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\n")
    script = SCRIPT.replace("from {package} import signing", "sys.path.append(sys.argv[3]); import signing")
    command = [sys.executable, "-P", "-c", script, tiny_llama, tmp_path / "out", tmp_path]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("me\n", "")
    assert not (tmp_path / "mark").exists()
