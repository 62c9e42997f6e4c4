"""The main job on a GGUF file: convert, answer, and equal to the same model from a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mlx_convert_gguf.source import GgufFile
from samples.gguf import write_llama_gguf

from mlx_convert_core import ConvertRequest, GenerateRequest, ModelInfo, UnsupportedModel, Workspace

Rebuild = Callable[[Path], tuple[ModelInfo, Path]]


def test_gguf_converts_to_the_same_bytes_as_its_checkpoint(tiny_gguf: Path, rebuild: Rebuild, tmp_path: Path) -> None:
    _, checkpoint = rebuild(tiny_gguf)
    with Workspace() as workspace:
        for ref, name in ((tiny_gguf, "gguf"), (checkpoint, "checkpoint")):
            workspace.convert(ConvertRequest(ref=str(ref), preset="4bit", output=tmp_path / name)).result()
    for file in ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (tmp_path / "gguf" / file).read_bytes() == (tmp_path / "checkpoint" / file).read_bytes()


def test_weights_are_read_where_they_lie(tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a whole checkpoint was asked for")

    monkeypatch.setattr(GgufFile, "fetch", never)
    request = ConvertRequest(ref=str(tiny_gguf), preset="8bit", output=tmp_path / "out" / "tiny")
    with Workspace() as workspace:
        plan = workspace.plan(request)
        assert (plan.fetch_bytes, plan.fetch_disk) == (0, 0)
        workspace.convert(request, inline=True).result()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny"]


def test_who_runs_the_source_gets_a_whole_checkpoint(tiny_gguf: Path, tmp_path: Path) -> None:
    request = ConvertRequest(ref=str(tiny_gguf), preset="8bit", method="tuned", output=tmp_path / "tiny")
    with Workspace() as workspace:
        plan = workspace.plan(request)
        assert plan.fetch_disk > plan.model.weight_bytes
        assert workspace.convert(request, inline=True).result().path == tmp_path / "tiny"


def test_a_file_may_have_any_name(tiny_gguf: Path, tmp_path: Path) -> None:
    for name in ("mö [Q8] *.gguf", "-x.gguf", "#1 %20.gguf", "two\nlines.gguf"):
        tiny_gguf = tiny_gguf.rename(tmp_path / name)
        with Workspace() as workspace:
            request = ConvertRequest(ref=str(tiny_gguf), preset="8bit", output=tmp_path / "out" / name)
            assert workspace.convert(request, inline=True).result().path == tmp_path / "out" / name


def test_quantized_source_is_pointed_out(tmp_path: Path) -> None:
    path = write_llama_gguf(tmp_path / "tiny.gguf", kind="Q4_0")
    with Workspace() as workspace:
        plan = workspace.plan(ConvertRequest(ref=str(path), preset="4bit", output=tmp_path / "out"), exact=False)
        whole = workspace.plan(
            ConvertRequest(ref=str(write_llama_gguf(tmp_path / "whole.gguf")), output=tmp_path / "out"), exact=False
        )
    [finding] = [finding for finding in plan.findings if finding.code == "gguf_quantized"]
    assert finding.level == "info"
    assert "Q4_0, 4.55 bits per weight" in finding.message
    assert not [finding for finding in whole.findings if finding.code == "gguf_quantized"]


def test_unknown_architecture_fails_the_job_before_anything_is_written(tmp_path: Path) -> None:
    path = write_llama_gguf(tmp_path / "tiny.gguf", metadata={"general.architecture": "rwkv6"})
    with Workspace() as workspace, pytest.raises(UnsupportedModel) as caught:
        workspace.convert(ConvertRequest(ref=str(path), output=tmp_path / "out" / "tiny")).result()
    assert caught.value.code == "gguf_arch"
    assert not (tmp_path / "out").exists()


def test_smollm2_from_its_gguf_knows_the_capital_of_france(smollm2_gguf: Path, tmp_path: Path) -> None:
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(smollm2_gguf), preset="8bit", output=tmp_path / "smol")
        plan = workspace.plan(request)
        result = workspace.convert(request).result()
        assert result.peak_memory <= plan.peak_memory
        [model] = result.models
        asked = GenerateRequest(prompt="What is the capital of France?", temperature=0, max_tokens=20)
        assert "Paris" in workspace.generate(model.path, asked).result().text
    record = json.loads((tmp_path / "smol" / "mlx_convert.json").read_bytes())
    assert record["source"]["ref"] == smollm2_gguf.name
