"""What the program tells a person to type works when it is pasted, also on a disk called My Disk."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

PLACE = "My Disk [x] ü's $HOME"


@pytest.fixture
def disk(
    tmp_path: Path, run: Callable[..., Result], toys: None, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give a folder with a difficult name, with a checkpoint in it, to work in."""
    folder = tmp_path / PLACE
    folder.mkdir()
    source = tiny_llama.rename(folder / "a source")
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**config, "model_type": "toy"}))
    os.chdir(folder)  # `run` goes back
    return folder


def pasted(line: str) -> subprocess.CompletedProcess[str]:
    """What comes of ``line`` in a shell."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, env={**os.environ, "PATH": path})


def hint(ended: Result) -> str:
    return ended.stderr.partition("  next: ")[2].strip()


def test_the_next_command_and_the_remedies_can_be_pasted(disk: Path, run: Callable[..., Result]) -> None:
    made = run("convert", disk / "a source", "--preset", "bf16", "--output", "my model")
    asked = pasted(made.stderr.partition("Try it:  ")[2])
    assert (asked.returncode, asked.stdout.strip()) == (0, "What is the capital of France?")

    taken = hint(run("convert", disk / "a source", "--preset", "bf16", "--output", disk / "my model"))
    _, replacing, elsewhere = map(str.strip, taken.splitlines())
    assert replacing.endswith("--force")
    again = pasted(elsewhere)
    assert again.returncode == 0, again.stderr
    assert (disk / "my model-2" / "config.json").exists()

    refused = hint(run("library", "remove", "my model"))
    gone = pasted(re.search(r"\((mlx-convert .*)\)", refused)[1])  # type: ignore[index]
    assert gone.returncode == 0, gone.stderr
    assert not (disk / "my model").exists()
    assert (disk / "my model-2").exists()


def test_a_recipe_can_be_pasted(disk: Path, run: Callable[..., Result]) -> None:
    (disk / "my recipe.json").write_text('{"outputs": [{"preset": "bf16"}]}')
    line = run("recipe", "show", "my recipe.json").stderr.partition("Make it:  ")[2]
    assert pasted(line.replace("REF", "'./a source'")).returncode == 0
    assert (disk / "models" / "a source-MLX-bf16").is_dir()
