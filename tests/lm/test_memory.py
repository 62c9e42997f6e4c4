"""The memory that a plan states is what the conversion takes; where little is free, little is in flight."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_engine import memory, stream
from mlx_convert_engine.blueprint import Blueprint
from mlx_convert_engine.memory import working_memory
from mlx_convert_engine.pieces import Computed
from random_llama import write_llama

from mlx_convert_core import ConvertRequest, Workspace

SYNTHETIC = Path(__file__).parents[2] / "benchmarks" / "synthetic.py"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a llama of 70 MB, many times what is in flight at once."""
    folder = tmp_path_factory.mktemp("memory") / "llama"
    subprocess.run([sys.executable, SYNTHETIC, "llama-tiny", folder], check=True)
    return folder


PRESETS = [
    ("4bit",),
    ("bf16",),
    ("4bit", "8bit"),
    ("4bit", "8bit", "nvfp4"),
    ("mxfp4",),
    ("4bit-tuned",),
    pytest.param(("4bit-compensated",), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("presets", PRESETS)
def test_a_conversion_takes_no_more_than_was_stated_and_not_much_less(
    checkpoint: Path, workspace: Workspace, tmp_path: Path, presets: tuple[str, ...]
) -> None:
    outputs = tuple(tmp_path / preset for preset in presets)
    request = ConvertRequest(ref=str(checkpoint), preset=presets, output=outputs)
    stated = workspace.plan(request).peak_memory
    measured = workspace.convert(request).result().peak_memory
    assert measured <= stated <= 2.5 * measured


@pytest.mark.parametrize(("preset", "words"), [("4bit", 262_000), ("4bit-tuned", 130_000)])
def test_a_large_vocabulary_takes_no_more_than_was_stated(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, preset: str, words: int
) -> None:
    """Of 262,000 words, as Gemma has, reading the tokenizer takes more than converting the model."""
    write_many_words(tiny_llama / "tokenizer.json", words)
    write_many_rows(tiny_llama, words)
    request = ConvertRequest(ref=str(tiny_llama), preset=preset, output=tmp_path / "out", verify=False)
    stated = workspace.plan(request).peak_memory
    assert workspace.convert(request).result().peak_memory <= stated


def write_many_rows(model: Path, count: int) -> None:
    """Give the embedding of ``model`` more rows, all alike."""
    import mlx.core as mx

    weights = mx.load(str(model / "model.safetensors"))
    rows = weights["model.embed_tokens.weight"]
    weights["model.embed_tokens.weight"] = mx.concatenate([rows, mx.repeat(rows[:1], count - len(rows), axis=0)])
    mx.save_safetensors(str(model / "model.safetensors"), weights, metadata={"format": "pt"})
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "vocab_size": count}))


def write_many_words(tokenizer: Path, count: int) -> None:
    """Give ``tokenizer`` more words: pairs of letters, and pairs of those."""
    content = json.loads(tokenizer.read_text())
    words, merges = content["model"]["vocab"], content["model"]["merges"]
    letters = "abcdefghijklmnopqrstuvwxyz"
    parts = [left + right for left, right in product(letters, letters)]
    for left, right in (*product(letters, letters), *product(parts, parts)):
        if left + right not in words and len(words) < count:
            words[left + right] = len(words)
            merges.append([left, right])
    tokenizer.write_text(json.dumps(content))


def test_computed_tensors_count_and_more_outputs_take_more() -> None:
    import mlx.core as mx

    big = Computed(tensors=(("big", mx.zeros((1000, 1000))),), shards=None)
    small = Computed(tensors=(("small", mx.zeros((10, 10))),), shards=None)
    plain = working_memory([Blueprint(pieces=[(small,)])])
    assert working_memory([Blueprint(pieces=[(small,), (big,)])]) > plain + 3 * big.tensors[0][1].nbytes
    assert working_memory([Blueprint(pieces=[(small,)])] * 2) > plain


@pytest.mark.parametrize(("free", "ahead"), [(0, False), (1 << 40, True)])
def test_nothing_is_read_ahead_while_memory_is_scarce(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, free: int, ahead: bool
) -> None:
    waiting: list[int] = []

    class Flight(stream._Flight):
        def take(self, slice_: Any) -> None:
            super().take(slice_)
            waiting.append(len(self._waiting))

    monkeypatch.setattr(stream, "_Flight", Flight)
    monkeypatch.setattr(stream, "free_memory", lambda: free)
    monkeypatch.setattr(memory, "SLICE_BYTES", 20_000)
    request = ConvertRequest(ref=str(write_llama(tmp_path / "source", layers=4)), output=tmp_path / "model")
    workspace.convert(request, inline=True).result()
    assert (max(waiting) > 2) is ahead
    assert ahead or max(waiting) == 0


def test_a_gpu_keeps_few_spare_buffers_and_its_limit_comes_back(
    checkpoint: Path, workspace: Workspace, tmp_path: Path
) -> None:
    import mlx.core as mx

    if mx.default_device() == mx.cpu:
        pytest.skip("a CPU keeps none")
    before = mx.set_cache_limit(1 << 40)
    mx.set_cache_limit(before)
    mx.clear_cache()
    workspace.convert(ConvertRequest(ref=str(checkpoint), output=tmp_path / "model"), inline=True).result()
    assert mx.get_cache_memory() <= memory.IN_FLIGHT_SLICES * memory.GPU_SLICE_BYTES
    assert mx.set_cache_limit(before) == before
