"""Only plain files of a model's own folder are read, copied and sent; whatever else has their names is named."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import ConvertRequest, CorruptCheckpoint, Workspace, inspect_folder
from mlx_convert_core.writing.sidecars import copy_sidecars

SECRET = "-----BEGIN OPENSSH PRIVATE KEY-----"


def _link_out(path: Path) -> None:
    key = path.parent.parent / "id_ed25519"
    key.write_text(SECRET)
    path.symlink_to(key)


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's whole path has little room
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)
    os.chdir(here)


KINDS = {
    "a link": _link_out,
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}
NAMES = ("LICENSE", "README.md", "config.json", "tokenizer.json", "model.safetensors.index.json", "model.safetensors")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_of_the_folder_is_refused_by_name(tiny_llama: Path, kind: str, name: str) -> None:
    (tiny_llama / name).unlink(missing_ok=True)
    make: Callable[[Path], None] = KINDS[kind]
    make(tiny_llama / name)
    with pytest.raises(CorruptCheckpoint, match=name) as refused:
        inspect_folder(tiny_llama)
    assert refused.value.code in ("link_out", "special_file")
    assert SECRET not in str(refused.value)


def test_a_secret_that_is_linked_while_a_conversion_runs_is_not_copied(tiny_llama: Path, tmp_path: Path) -> None:
    with Workspace() as workspace:
        plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out"))
        assert not plan.errors
    (tiny_llama / "LICENSE").unlink(missing_ok=True)
    _link_out(tiny_llama / "LICENSE")
    (tmp_path / "staging").mkdir()
    with pytest.raises(CorruptCheckpoint, match="LICENSE"):
        copy_sidecars(tiny_llama, tmp_path / "staging", code=False)
    assert not (tmp_path / "staging" / "LICENSE").exists()


ODD = [
    "[]",
    '"text"',
    "7",
    "null",
    "{",
    '{"a":' * 2000,
    '{"recipe": null, "source": null}',
    '{"source": {"revision": 7}}',
    '{"measurements": null, "files": [1]}',
    '{"source": "x", "created": 5, "recipe": {"preset": [1]}}',
    "\x00",
    "[" * 100_000,
]


@pytest.mark.parametrize("content", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("name", ["mlx_convert.json", "config.json"])
def test_one_odd_file_ends_neither_a_scan_nor_a_plan(tmp_path: Path, tiny_llama: Path, name: str, content: str) -> None:
    odd, whole = (write_mlx_folder(tmp_path / "models" / each) for each in ("odd", "whole"))
    (odd / name).write_text(content)
    told: list[str] = []
    with Workspace() as workspace:
        found = workspace.scan(tmp_path / "models", told.append)
        assert whole in [entry.path for entry in found]
        assert (odd in [entry.path for entry in found]) == (not told)
        assert all(str(odd) in line for line in told)
        plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=odd, force=True), exact=False)
        assert {finding.code for finding in plan.errors} <= {"not_replaceable"}


def test_the_record_of_a_published_folder_names_no_place_of_this_machine(tiny_llama: Path, tmp_path: Path) -> None:
    source = tiny_llama.rename(tmp_path / "a-persons-name-model")
    with Workspace() as workspace:
        [model] = workspace.convert(ConvertRequest(ref=str(source), output=tmp_path / "out" / "Model")).result().models
        [entry] = workspace.library.entries()
    assert entry.source == str(source)
    for path in model.path.iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path.name
    assert json.loads((model.path / "mlx_convert.json").read_bytes())["source"]["ref"] == source.name
