"""What comes along beside the weights, byte for byte, and the record of how a folder came to be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, StepFinished, StepStarted, Workspace

WriteToy = Callable[..., Path]
KEPT = {
    "tokenizer.json": b'{"a":\r\n 1}',
    "tokenizer_config.json": b'{"chat_template": "\xe2\x80\xa6"}\n\n',
    "special_tokens_map.json": b"{}",
    "added_tokens.json": b"{}",
    "vocab.json": b"{}",
    "merges.txt": b"#version: 0.2\n",
    "tokenizer.model": bytes(range(256)),
    "qwen.tiktoken": b"IQ== 0\n",
    "chat_template.jinja": b"{{ messages }}",
    "chat_template.json": b'{"chat_template": "{{ messages }}"}',
    "generation_config.json": b'{"eos_token_id": 2}',
    "preprocessor_config.json": b"{}",
    "LICENSE": b"Do as you like.\n",
    "LICENSE.txt": b"\xff\xfe",
    "NOTICE": b"Made by us.",
    "USE_POLICY.md": b"Be kind.",
}
LEFT = ("README.md", "pytorch_model.bin", "model.safetensors.index.json.bak", "code.py", "params.json", ".hidden")


def convert(workspace: Workspace, source: Path, output: Path, **options: object) -> Path:
    request = ConvertRequest(ref=str(source), preset="bf16", output=output, **options)  # type: ignore[arg-type]
    return workspace.convert(request, inline=True).result().path


@pytest.fixture
def source(write_toy: WriteToy) -> Path:
    """A checkpoint with everything that can lie beside weights."""
    folder = write_toy()
    for name, data in KEPT.items():
        (folder / name).write_bytes(data)
    for name in LEFT:
        (folder / name).write_text("mine")
    return folder


def test_tokenizer_template_and_licence_come_along_byte_for_byte(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    model = convert(workspace, source, tmp_path / "out")
    assert {name: (model / name).read_bytes() for name in KEPT} == KEPT
    written = {path.name for path in model.iterdir()} - set(KEPT)
    assert written == {
        "README.md",
        "config.json",
        "mlx_convert.json",
        "model.safetensors",
        "model.safetensors.index.json",
    }
    assert (model / "README.md").read_text() != "mine"


def test_the_models_own_code_comes_along_only_when_it_is_trusted(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    assert not (convert(workspace, source, tmp_path / "out") / "code.py").exists()
    assert (convert(workspace, source, tmp_path / "trusted", trust_remote_code=True) / "code.py").exists()


def test_the_record_tells_source_recipe_versions_sizes_and_every_digest(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    model = convert(workspace, source, tmp_path / "out")
    record = json.loads((model / "mlx_convert.json").read_text())
    assert record["schema"] == 1
    assert record["source"]["ref"] == source.name
    assert record["recipe"]["preset"] == "bf16"
    assert None not in record["recipe"].values()
    assert record["versions"]["mlx-convert"] == version("mlx-convert")
    assert record["versions"]["mlx-lm"] == version("mlx-lm")
    assert record["weights"]["bytes"] == (model / "model.safetensors").stat().st_size
    assert datetime.fromisoformat(record["created"]).tzinfo is not None
    others = {path.name for path in model.iterdir()} - {"mlx_convert.json"}
    assert set(record["files"]) == others
    for name, told in record["files"].items():
        data = (model / name).read_bytes()
        assert told == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_no_file_of_the_output_names_a_place_of_this_machine_and_the_library_still_knows_it(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    model = convert(workspace, source, tmp_path / "out")
    for path in model.iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path.name
    assert [entry.source for entry in workspace.library.entries()] == [str(source)]


def test_a_worker_and_its_inline_twin_do_the_same(workspace: Workspace, source: Path, tmp_path: Path) -> None:
    jobs = [
        workspace.convert(
            ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / name), inline=name == "inline"
        )
        for name in ("inline", "worker")
    ]
    here, there = (job.result(timeout=120) for job in jobs)
    for path in here.path.iterdir():
        if path.name not in ("mlx_convert.json", "README.md"):
            assert path.read_bytes() == (there.path / path.name).read_bytes(), path.name
    steps = [
        [(type(event), event.step) for event in job.events() if isinstance(event, StepStarted | StepFinished)]
        for job in jobs
    ]
    assert steps[0] == steps[1]
    named = [step for kind, step in steps[0] if kind is StepStarted]
    assert named == ["resolve", "inspect", "plan", "fetch", "quantize", "write", "check", "publish", "store"]
