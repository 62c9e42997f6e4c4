"""What runs a source to learn from it, or to compare with it, takes any: it runs the numbers that it decodes to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packings import TOOLS, stored
from random_llama import CONFIG, HIDDEN, write_llama
from samples.adapters import numbers, write_adapter
from samples.tiny import write_tiny_llama
from samples.torch_files import as_torch
from stored import Stored, store, tensors_of
from test_unpacking import packed

from mlx_convert_core import ConvertRequest, MeasureRequest, Message, Workspace

Q = "model.layers.1.self_attn.q_proj"
Made = tuple[Path, str]
"""A source and the adapter that is fused into it, "" for none."""


def of_torch(place: Path) -> Made:
    return as_torch(write_llama(place / "plain"), place / "source"), ""


def with_adapter(place: Path) -> Made:
    arrays = {
        f"base_model.model.{Q}.lora_A.weight": numbers(4, HIDDEN, seed=1),
        f"base_model.model.{Q}.lora_B.weight": numbers(HIDDEN, 4, seed=2),
    }
    return write_llama(place / "source"), str(write_adapter(place / "lora", arrays))


def of_mlx(place: Path) -> Made:
    with Workspace(home=place / "home") as workspace:
        request = ConvertRequest(ref=str(write_llama(place / "plain")), preset="8bit", output=place / "source")
        workspace.convert(request, inline=True).result()
    return place / "source", ""


def of_eight_bits(place: Path) -> Made:
    """A class that expands nothing by itself is handed them expanded."""
    source, tensors = write_llama(place / "source"), dict[str, Stored]()
    for name, tensor in tensors_of(source).items():
        if not name.endswith("_proj.weight"):
            tensors[name] = tensor
            continue
        codes = np.random.default_rng(3).integers(0, 0x70, tensor.shape, np.uint8)
        tensors[name] = stored("F8_E4M3", codes)
        tensors[f"{name}_scale"] = stored("F32", np.full((tensor.shape[0], 1), 0.001, np.float32))
    return store(source, tensors, quantization_config={"quant_method": "fp8"}), ""


def of(tool: str) -> Callable[[Path], Made]:
    return lambda place: (packed(place, TOOLS[tool])[0], "")


SOURCES: dict[str, Callable[[Path], Made]] = {
    "files of torch": of_torch, "an adapter": with_adapter, "MLX": of_mlx, "8-bit floats": of_eight_bits,
    **{name: of(name) for name in TOOLS},
}  # fmt: skip


def sampled(*always: str) -> list[Any]:
    return [one if one in always else pytest.param(one, marks=pytest.mark.slow) for one in SOURCES]


@pytest.mark.parametrize("kind", sampled("files of torch", "an adapter", "AWQ"))
def test_it_is_tuned_as_its_plain_numbers_are(workspace: Workspace, tmp_path: Path, kind: str) -> None:
    source, adapter = SOURCES[kind](tmp_path)
    plain = tmp_path / "decoded"
    request = ConvertRequest(
        ref=str(source), adapter=adapter, preset="bf16", dtype="float32", dequantize=True, output=plain, verify=False
    )
    workspace.convert(request, inline=True).result()
    made = []
    for number, (ref, fused) in enumerate(((str(source), adapter), (str(plain), ""))):
        tuned = ConvertRequest(
            ref=ref, adapter=fused, preset="4bit", group_size=32, method="tuned", dtype="bfloat16",
            dequantize=not number, calibration="random", output=tmp_path / f"tuned{number}", verify=False,
        )  # fmt: skip
        workspace.convert(tuned, inline=True).result()
        made.append(tensors_of(tmp_path / f"tuned{number}"))
    assert made[0] == made[1]


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have sources know as many words as the tokenizer of the tiny llama."""
    monkeypatch.setattr("random_llama.VOCABULARY", 512)
    monkeypatch.setitem(CONFIG, "vocab_size", 512)


@pytest.mark.parametrize("kind", sampled("files of torch", "8-bit floats", "NVFP4"))
@pytest.mark.usefixtures("readable")
def test_a_model_is_compared_with_what_it_decodes_to(workspace: Workspace, tmp_path: Path, kind: str) -> None:
    source, _ = SOURCES[kind](tmp_path)
    for path in write_tiny_llama(tmp_path / "text").glob("tokenizer*"):
        shutil.copy(path, source)
    request = ConvertRequest(
        ref=str(source), preset="bf16", dtype="float32", dequantize=True, output=tmp_path / "out", verify=False
    )
    workspace.convert(request, inline=True).result()
    asked = MeasureRequest(against=str(source), tokens=512, anyway=True)
    measured = workspace.measure(tmp_path / "out", asked, inline=True).result()
    [divergence] = [figure.value for figure in measured.figures if figure.name == "kl_mean"]
    assert divergence < 1e-6
    assert not list((tmp_path / "home" / "references").glob("source-*"))


@pytest.mark.usefixtures("readable")
def test_a_fused_model_is_not_compared_with_its_source_without_the_adapter(
    workspace: Workspace, tmp_path: Path
) -> None:
    source, adapter = with_adapter(tmp_path)
    for path in write_tiny_llama(tmp_path / "text").glob("tokenizer*"):
        shutil.copy(path, source)
    request = ConvertRequest(ref=str(source), adapter=adapter, preset="8bit", output=tmp_path / "out", verify=False)
    workspace.convert(request, inline=True).result()
    job = workspace.measure(tmp_path / "out", MeasureRequest(tokens=512, anyway=True), inline=True)
    told = [event.text for event in job.events() if isinstance(event, Message)]
    assert not job.result().against
    assert any("lora was fused into this model, and its source is without" in text for text in told)
