"""Whoever stands in a folder of somebody else's runs none of the Python files that lie there."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result
from mlx_convert_cli import health
from mlx_convert_cli.main import cli

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import entry_points, python_environment
from mlx_convert_core.plugins.loading import discover

# What the program of an installed mlx-convert does, line by line of the file that is named; its own folder comes first
# on the import path, as ``bin`` does then.
PROGRAM = """
import shlex, sys
from mlx_convert_cli.start import main

for line in open(sys.argv[1]).read().splitlines():
    sys.argv = ["mlx-convert", *shlex.split(line)]
    try:
        main()
    except SystemExit as end:
        print(f"=> {end.code or 0} {line}", file=sys.stderr, flush=True)
"""
TEXT = str(Path(__file__).parents[2] / "CONTRIBUTING.md")
# Every command, and the exit code that it has to end with. The folder that one stands in holds a model, too.
COMMANDS = {
    "presets": 0,
    "plan .": 0,
    "search tiny": 1,
    "get acme/tiny": 1,
    "info .": 0,
    "convert . --preset 8bit --output ../out/tiny --json": 0,
    "generate ../out/tiny Hello --max-tokens 3": 0,
    "chat ../parrot": 0,
    "compare ../parrot ../parrot --prompt Hello": 0,
    "conversations list": 0,
    "conversations show TALK": 0,
    "conversations rename TALK Other": 0,
    "conversations pin TALK": 0,
    "conversations export TALK --format json --output ../talk.json": 0,
    "conversations import ../talk.json": 0,
    "conversations delete TALK --yes": 0,
    f"measure ../out/tiny --against . --text {shlex.quote(TEXT)} --tokens 512": 0,
    "bench ../out/tiny --prompt-tokens 16 --answer-tokens 16 --runs 1": 0,
    "upload ../out/tiny --to folder:../sent": 0,
    "account show": 0,
    "account sign-in": 2,
    "account sign-out": 0,
    "library list": 0,
    "library show tiny": 0,
    "library scan ../out": 0,
    "recipe export ../out/tiny --output ../recipe.json": 0,
    "recipe show ../recipe.json": 0,
    "queue add . --preset bf16 --output ../out/queued": 0,
    "queue list": 0,
    "queue move ITEM 1": 0,
    "queue cancel ITEM": 0,
    "queue remove ITEM": 0,
    "queue run": 0,
    "queue retry": 0,
    "queue clear": 0,
    "library remove tiny --yes": 0,
    "settings set preset 8bit": 0,
    "settings show": 0,
    "plugins list": 0,
    "plugins new mine --output ../mine": 0,
    "explain killed": 0,
    "doctor": 0,
    "architectures llama": 0,
    "demo": 1,
}
# A lock between processes, as tqdm makes one, starts a Python that looks after it.
LOCKING = """
import click
from mlx_convert_core.plugin import Command, hookimpl

@click.command()
def lock():
    import multiprocessing
    with multiprocessing.get_context("spawn").Lock():
        print("locked")

@hookimpl
def register_commands():
    yield Command(name="lock", summary="Lock", load=lambda: lock)
"""
SERVED = ("ui",)  # goes on until it is ended: has a test of its own


@pytest.fixture
def hostile(tiny_llama: Path, tmp_path: Path) -> Path:
    """Give a model's folder with a file for every module that there is, empty but for leaving a mark when it runs."""
    names = {*sys.stdlib_module_names, *importlib.metadata.packages_distributions(), "sitecustomize", "evil"}
    for name in filter(str.isidentifier, names):
        (tiny_llama / f"{name}.py").write_text(f"open({str(tmp_path / 'marks')!r}, 'a').write(__name__ + ' ')\n")
    package = tiny_llama / "evil-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[mlx_convert]\nevil = evil\n[mlx_convert_commands]\nevil = evil\n")
    return tiny_llama


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Give an environment that reaches no Hub and no package index."""
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "PIP_NO_INDEX": "1", "HF_HOME": str(tmp_path / "hf")}
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONSAFEPATH", "HF_TOKEN")}
    return {**kept, **offline, "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Give the program as it is installed: a file in a folder with nothing else."""
    (tmp_path / "bin").mkdir()
    path = tmp_path / "bin" / "mlx-convert"
    path.write_text(PROGRAM)
    return path


def test_no_command_runs_what_lies_in_the_current_folder(
    hostile: Path, parrot: Path, environment: dict[str, str], program: Path, tmp_path: Path
) -> None:
    assert {path for path in leaves(cli) if not any(said(path, line) for line in COMMANDS)} == set(SERVED)
    with Workspace() as workspace:
        talk = workspace.conversations.create(hostile)
        item = workspace.queue.add(ConvertRequest(ref=str(hostile), preset="8bit", output=str(tmp_path / "out" / "x")))
    story = [line.replace("TALK", talk.id).replace("ITEM", item.id) for line in COMMANDS]
    (tmp_path / "story").write_text("\n".join(story))
    ended = subprocess.run(
        [sys.executable, program, tmp_path / "story"],
        cwd=hostile, env=environment, input="Hello\n", capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    codes = [int(line.split()[1]) for line in ended.stderr.splitlines() if line.startswith("=> ")]
    assert dict(zip(COMMANDS, codes, strict=True)) == COMMANDS, ended.stdout + ended.stderr
    assert not (tmp_path / "marks").exists(), (tmp_path / "marks").read_text()
    listed = re.compile(r"^ *evil(\.py|-1\.0\S*) +\d+ bytes$", re.MULTILINE)  # by `info`, as a file
    assert "evil" not in listed.sub("", ended.stdout)
    for name in ("out", "sent"):
        assert not list((tmp_path / name).rglob("*.py"))


def test_the_app_in_the_browser_runs_nothing_either(
    hostile: Path, environment: dict[str, str], program: Path, tmp_path: Path
) -> None:
    (tmp_path / "story").write_text("ui --no-browser --json --port 0")
    command = [sys.executable, program, tmp_path / "story"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=hostile, env=environment, stdout=pipe, stderr=pipe, text=True) as served:
        assert served.stdout is not None
        try:
            url = json.loads(served.stdout.readline())["url"]
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            assert b"MLX Convert" in opener.open(url, timeout=120).read()
        finally:
            served.terminate()
        _, told = served.communicate(timeout=120)
    assert told == "=> 0 ui --no-browser --json --port 0\n"
    assert not (tmp_path / "marks").exists(), (tmp_path / "marks").read_text()


def test_the_pythons_that_a_library_starts_run_nothing_either(
    hostile: Path, environment: dict[str, str], program: Path, tmp_path: Path, add_plugin: Callable[[str, str], None]
) -> None:
    add_plugin("locking", LOCKING)
    (tmp_path / "story").write_text("lock")
    ended = subprocess.run(
        [sys.executable, program, tmp_path / "story"], cwd=hostile, env=environment, capture_output=True, text=True
    )
    assert (ended.stdout, ended.stderr) == ("locked\n", "=> 0 lock\n")
    assert not (tmp_path / "marks").exists(), (tmp_path / "marks").read_text()


def test_a_python_path_that_names_no_folder_does_not_name_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = os.pathsep.join(("/my/lib", "src", "/other"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(("", "/my/lib", ".", "src", "./", "/other", "")))
    assert python_environment()["PYTHONPATH"] == kept
    monkeypatch.setenv("PYTHONPATH", kept)
    assert python_environment()["PYTHONPATH"] == kept
    monkeypatch.setenv("PYTHONPATH", "")
    assert python_environment()["PYTHONPATH"] == ""
    assert python_environment(PYTHONPATH="/mine")["PYTHONPATH"] == "/mine"


def test_the_doctor_warns_of_such_a_python_path(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{os.pathsep}/my/lib")
    monkeypatch.setattr(health, "_device", health._python)
    checks = json.loads(run("doctor", "--json").stdout)
    assert (checks[0]["name"], checks[0]["state"]) == ("Python", "warn")
    assert "PYTHONPATH" in checks[0]["hint"]


def test_a_folder_that_one_stands_in_has_no_plugins_installed(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hostile)
    monkeypatch.setattr(sys, "path", ["", *sys.path])  # as in an interactive Python
    assert "evil" not in [point.name for point in entry_points("mlx_convert_commands")]
    assert "evil" not in [spec.name for spec in discover(hostile)]


def test_no_part_of_the_program_starts_python_in_another_way() -> None:
    """A list that begins with ``sys.executable`` is made in one place only."""
    root = Path(__file__).parents[2]
    started = [
        str(path.relative_to(root))
        for folder in ("mlx_convert_core", "plugins", "frontends")
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.List, ast.Tuple)) and node.elts and ast.unparse(node.elts[0]) == "sys.executable"
    ]
    assert started == ["mlx_convert_core/base/child_python.py"]


def leaves(command: click.Command, path: str = "") -> Iterator[str]:
    """Every command that does something, by its words."""
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, f"{path} {name}".strip())


def said(path: str, line: str) -> bool:
    return shlex.split(line)[: len(path.split())] == path.split()
