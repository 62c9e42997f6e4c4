"""What is replaced or deleted is listed before; a person's own files are named and stay."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples.mlx_folder import write_mlx_folder

Run = Callable[..., Any]
FILES = "LICENSE, config.json and 1 weight file"


def test_a_plan_lists_what_would_be_replaced(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    write_mlx_folder(tmp_path / "out")
    arguments = ("plan", tiny_llama, "--output", "out", "--estimate")
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "already exists (unquantized" in " ".join(refused.stdout.split())
    planned = run(*arguments, "--force")
    assert planned.exit_code == 0
    assert FILES in planned.stdout
    (output,) = json.loads(run(*arguments, "--force", "--json").stdout)["outputs"]
    assert output["replaces"]["files"] == ["LICENSE", "config.json", "model.safetensors"]
    assert output["replaces"]["model"]["name"] == "out"


def test_a_persons_files_in_an_output_are_named(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    (write_mlx_folder(tmp_path / "out") / "notes.txt").write_text("precious")
    refused = run("convert", tiny_llama, "--output", "out", "--force")
    assert refused.exit_code == 1
    assert "error [not_replaceable]" in refused.stderr
    assert "it holds files that are not the model's (notes.txt)" in refused.stderr
    assert "next: Move what is yours elsewhere first, or choose another folder: mlx-convert convert" in refused.stderr
    (planned,) = json.loads(run("plan", tiny_llama, "--output", "out", "--estimate", "--json").stdout)["outputs"]
    assert planned["replaces"]["foreign"] == ["notes.txt"]
    assert (tmp_path / "out" / "notes.txt").read_text() == "precious"


def test_the_queue_says_what_it_replaces_and_keeps_a_persons_files(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    for name in ("plain", "mine"):
        write_mlx_folder(tmp_path / name)
        assert run("queue", "add", tiny_llama, "--preset", "bf16", "--output", name, "--force").exit_code == 0
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    ended = run("queue", "run")
    assert ended.exit_code == 1
    assert "/plain will be replaced: unquantized" in ended.stderr
    assert "error [not_replaceable]" in ended.stderr
    assert not (tmp_path / "plain" / "LICENSE").exists()
    assert (tmp_path / "mine" / "notes.txt").read_text() == "precious"


@pytest.mark.skipif(sys.platform == "darwin", reason="there is a Trash")
def test_removal_lists_what_goes_and_says_that_it_is_for_good(
    run: Run, terminal: Callable[..., Any], tmp_path: Path
) -> None:
    model = write_mlx_folder(tmp_path / "Smol")
    assert run("library", "scan", model).exit_code == 0
    unsure = run("library", "remove", "Smol")
    assert unsure.exit_code == 2
    assert f"this would delete {model} (unquantized" in unsure.stderr
    assert FILES in unsure.stderr
    assert unsure.stderr.endswith(" for good.\n" + unsure.stderr.splitlines()[-1] + "\n")
    program = terminal("library", "remove", "Smol")
    program.expect("for good? [y/N]")
    program.type("\n")
    assert program.wait() == 1
    assert model.is_dir()
    gone = json.loads(run("library", "remove", "Smol", "--yes", "--json").stdout)
    assert (gone["deleted"], gone["trashed"]) == (True, False)
    assert gone["went"]["files"] == ["LICENSE", "config.json", "model.safetensors"]
    assert not model.exists()


def test_what_can_not_be_removed_is_said_before_anybody_is_asked(run: Run, tmp_path: Path) -> None:
    model = write_mlx_folder(tmp_path / "Smol")
    assert run("library", "scan", model).exit_code == 0
    (model / "notes.txt").write_text("precious")
    refused = run("library", "remove", "Smol")
    assert refused.exit_code == 1
    assert "error [not_removable]" in refused.stderr
    assert "notes.txt" in refused.stderr
    forget = shlex.split(refused.stderr.partition("mlx-convert ")[2])
    assert run(*forget).exit_code == 0
    assert (model / "notes.txt").read_text() == "precious"
