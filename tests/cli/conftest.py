"""The program in three ways: inside the test, as a process with pipes, and at a terminal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from mlx_convert_cli.main import cli

from mlx_convert_core import ConvertRequest, Workspace

sys.path.insert(0, str(Path(__file__).parent))

from hubserver.fixture import hub
from samples.tiny import write_tiny_llama
from terminal import Terminal

__all__ = ["hub"]

PROGRAM = str(Path(sys.executable).with_name("mlx-convert"))
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line inside the test, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, input: str | None = None) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=input, prog_name="mlx-convert")

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the program as a process with pipes."""
    with ExitStack() as stack:

        def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [PROGRAM, *map(str, arguments)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    cwd=tmp_path,
                    **options,
                )
            )
            stack.callback(process.kill)
            return process

        yield start


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start the program at a terminal of 100 columns."""
    with ExitStack() as stack:

        def start(*arguments: object, **options: Any) -> Terminal:
            return stack.enter_context(Terminal([PROGRAM, *map(str, arguments)], tmp_path, **options))

        yield start


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a converted model that says nonsense; read only."""
    folder = tmp_path_factory.mktemp("model")
    source = write_tiny_llama(folder / "source")
    with Workspace(home=folder / "home") as workspace:
        request = ConvertRequest(ref=str(source), preset="8bit", output=folder / "tiny-8bit")
        return workspace.convert(request).result().path


@pytest.fixture
def add_plugin(home: Path) -> Callable[[str, str], None]:
    """Put a single-file plugin into the home folder."""

    def add(name: str, code: str) -> None:
        folder = home / "plugins"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(code)

    return add


@pytest.fixture
def toys(add_plugin: Callable[[str, str], None]) -> None:
    """Put the plugin for checkpoints of the type ``toy`` into the home folder; it needs no heavy library."""
    add_plugin("toy", (Path(__file__).parents[1] / "core" / "toy.py").read_text())


@pytest.fixture
def parrot(toys: None, tmp_path: Path) -> Path:
    """Give a model that says the last message again, word by word, and loads at once."""
    folder = tmp_path / "parrot"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "toy"}')
    return folder
