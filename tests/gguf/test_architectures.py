"""Each architecture: a GGUF file of a checkpoint becomes that checkpoint again, tensor for tensor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from architectures.checkpoints import write_tiny
from mlx_convert_gguf.architectures import names
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import the_original
from samples.gguf import Values, llama_metadata, write_llama_gguf

from mlx_convert_core import ConvertRequest, GenerateRequest, ModelInfo, Workspace
from mlx_convert_core.plugin import inspect_folder

Rebuild = Callable[[Path], tuple[ModelInfo, Path]]


def gguf_of(checkpoint: Path, path: Path, architecture: str) -> Path:
    """Write the file that llama.cpp's converter makes of ``checkpoint``: only a llama's rows are interleaved."""
    config = json.loads((checkpoint / "config.json").read_text())
    numbers = llama_metadata(**config)
    fields = {name.replace("llama.", f"{architecture}."): value for name, value in numbers.items()}
    fields["general.architecture"] = architecture
    if "head_dim" in config:
        fields[f"{architecture}.attention.key_length"] = config["head_dim"]
        fields[f"{architecture}.attention.value_length"] = config["head_dim"]
    heads = (config["num_attention_heads"], config["num_key_value_heads"]) if architecture == "llama" else (0, 0)
    return write_llama_gguf(path, values=values_of(checkpoint), kind="F32", metadata=fields, heads=heads)


def values_of(checkpoint: Path) -> Values:
    """The tensors; llama.cpp's converter leaves out what a class computes anew."""
    found = {}
    for shard in checkpoint.glob("*.safetensors"):
        loaded = mx.load(str(shard))
        assert isinstance(loaded, dict)
        found |= {name: np.array(array.astype(mx.float32)) for name, array in loaded.items() if "rotary" not in name}
    return found


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_a_file_becomes_the_checkpoint_that_it_was_made_of(architecture: str, rebuild: Rebuild, tmp_path: Path) -> None:
    twin = write_tiny(tmp_path / "twin", architecture)
    model, folder = rebuild(gguf_of(twin, tmp_path / "tiny.gguf", architecture))
    ours, theirs = values_of(folder), values_of(twin)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], values) for name, values in theirs.items())
    config = inspect_folder(twin).config
    names = ("model_type", "num_key_value_heads", "rope_theta", "rms_norm_eps", "vocab_size")
    assert {name: model.config[name] for name in names} == {name: config[name] for name in names}


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3"])
def test_what_is_converted_computes_as_the_checkpoint(architecture: str, tmp_path: Path) -> None:
    twin = write_tiny(tmp_path / "twin", architecture)
    path = gguf_of(twin, tmp_path / "tiny.gguf", architecture)
    with Workspace() as workspace:
        made = []
        for ref, name in ((path, "gguf"), (twin, "checkpoint")):
            request = ConvertRequest(ref=ref, preset="4bit", output=tmp_path / name)
            made.append(workspace.convert(request, inline=True).result().path)
        ours, theirs = map(values_of, made)
        assert all(np.array_equal(ours[name], values) for name, values in theirs.items())
        asked = GenerateRequest(prompt="The capital", max_tokens=8, temperature=0)
        assert workspace.generate(made[0], asked).result().generation_tokens > 0


def test_each_table_has_its_file() -> None:
    assert {"llama", "qwen2", "qwen3"} <= set(names())


@pytest.mark.parametrize(
    ("key", "value", "repo"),
    [
        ("general.source.huggingface.repository", "acme/Gem", "acme/Gem"),
        ("general.source.repo_url", "https://huggingface.co/acme/Gem", "acme/Gem"),
        ("general.base_model.0.repo_url", "https://hf.co/acme/Gem/", "acme/Gem"),
        ("general.repo_url", "https://huggingface.co/acme/Gem-GGUF", ""),
        ("general.source.url", "https://example.com/acme/Gem", ""),
        ("general.source.url", "https://huggingface.co/acme/$(rm -rf ~)", ""),
    ],
)
def test_the_original_is_the_one_that_the_file_names(key: str, value: str, repo: str) -> None:
    assert the_original(Fields("gem.gguf", {key: value})) == (
        f"Convert the original model instead; the file says that it comes from {repo}."
        if repo
        else "Convert the original model instead: give its repo id."
    )
