"""Integers that another tool has packed stay what they are: the same codes in MLX's packing, planned to the byte."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from packings import TOOLS, Tool, bytes_compressed, compressed, gptq
from random_llama import HIDDEN, INNER, write_llama
from stored import Stored, converted, store, tensors_of

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import CorruptCheckpoint, SetOption

ENDS = ("q_proj.weight", "o_proj.weight", "up_proj.weight", "down_proj.weight")
HALF = {"torch_dtype": "float16"}


def of_gptq(bits: int, group: int, **said: Any) -> dict[str, Any]:
    return {"quant_method": "gptq", "bits": bits, "group_size": group, "desc_act": False, **said}


def of_compressed(form: str, bits: int, *, symmetric: bool = True) -> dict[str, Any]:
    weights = {"num_bits": bits, "symmetric": symmetric, "type": "int"}
    return {"quant_method": "compressed-tensors", "format": form, "config_groups": {"group_0": {"weights": weights}}}


# What is held, and in which numbers.
HELD = {
    "GPTQ": (Tool(gptq(), of_gptq(4, 32), HALF), 4, 32),
    "GPTQ with a group for each input": (Tool(gptq(order="plain", group=64), of_gptq(4, 64), HALF), 4, 64),
    "GPTQ of large groups": (Tool(gptq(group=128, bits=2), of_gptq(2, 128), HALF), 2, 128),
    "GPTQ's second format": (Tool(gptq(version=2), of_gptq(4, 32, checkpoint_format="gptq_v2"), HALF), 4, 32),
    "GPTQ of 3 bits": (Tool(gptq(bits=3), of_gptq(3, 32), HALF), 3, 32),
    "AWQ": (replace(TOOLS["AWQ"], config=HALF), 4, 64),
    "auto-round": (replace(TOOLS["auto-round"], config=HALF), 4, 32),
    "integers of 4 bits in words, large groups": (
        Tool(compressed(group=128), of_compressed("pack-quantized", 4)),
        4,
        128,
    ),
    "integers of 8 bits in words, by outputs": (TOOLS["integers of 8 bits in words, by outputs"], 8, 128),
    "integers of 2 bits in words": (Tool(compressed(bits=2, group=64), of_compressed("pack-quantized", 2)), 2, 64),
    "integers in bytes": (Tool(bytes_compressed(symmetric=True, half=True), of_compressed("int-quantized", 8)), 8, 128),
}


def packed(tmp_path: Path, tool: Tool) -> tuple[Path, dict[str, Any]]:
    """A llama of one layer, some of whose weights are packed, and the numbers that these stand for."""
    source = write_llama(tmp_path / "source", layers=1, **tool.config)
    tensors, numbers, random = dict[str, Stored](), dict[str, Any](), np.random.default_rng(17)
    for name, tensor in tensors_of(source).items():
        if not name.endswith(ENDS):
            tensors[name] = tensor
            continue
        parts, numbers[name] = tool.pack(random, *tensor.shape)
        tensors |= {name.removesuffix(".weight") + end: part for end, part in parts.items()}
    return store(source, tensors, quantization_config=dict(tool.quantization)), numbers


@pytest.mark.parametrize("name", HELD)
def test_mlx_holds_the_very_numbers(workspace: Workspace, tmp_path: Path, name: str) -> None:
    tool, bits, group_size = HELD[name]
    source, numbers = packed(tmp_path, tool)
    plan = workspace.plan(ConvertRequest(ref=str(source), preset="8bit", output=tmp_path / "out"), exact=False)
    told = {finding.code: finding for finding in plan.findings}["source_quantized"]
    assert told.message.endswith(f"carried over as they are: {bits} bit, group {group_size}.")
    assert SetOption("dequantize", True) in told.remedies

    converted(workspace, source, tmp_path / "out", preset="8bit")
    found = mx.load(str(tmp_path / "out" / "model.safetensors"))
    said = json.loads((tmp_path / "out" / "config.json").read_text())["quantization"]
    for weight, expected in numbers.items():
        path = weight.removesuffix(".weight")
        of_layer = said.get(path, said)
        assert (of_layer["bits"], of_layer["group_size"]) == (bits, group_size)
        parts = [found[f"{path}.{part}"].astype(mx.float32) for part in ("scales", "biases")]
        held = np.array(mx.dequantize(found[weight], *parts, bits=bits, group_size=group_size))
        step = np.array(parts[0]).repeat(group_size, 1)
        assert (np.abs(held - expected) <= step * 0.02 + np.abs(expected) * 2.0**-8).all()


def test_symmetric_layers_are_exact(workspace: Workspace, tmp_path: Path) -> None:
    """Codes, scales and biases, against the numbers by the formula in float64."""
    source, numbers = packed(tmp_path, HELD["integers of 4 bits in words, large groups"][0])
    converted(workspace, source, tmp_path / "out", preset="8bit")
    found = mx.load(str(tmp_path / "out" / "model.safetensors"))
    for weight, expected in numbers.items():
        path = weight.removesuffix(".weight")
        scales, biases = (np.array(found[f"{path}.{part}"].astype(mx.float32)) for part in ("scales", "biases"))
        assert np.array_equal(biases, -8 * scales)
        ones = mx.ones(scales.shape)
        codes = np.array(mx.dequantize(found[weight], ones, mx.zeros(scales.shape), bits=4, group_size=128))
        exact = (codes - 8).astype(np.float64) * scales.repeat(128, 1)
        assert np.array_equal(mx.array(exact.astype(np.float32)).astype(mx.bfloat16).astype(mx.float32), expected)


@pytest.mark.parametrize("name", ["GPTQ", "integers in bytes"])
def test_its_size_is_known_to_the_byte(workspace: Workspace, tmp_path: Path, name: str) -> None:
    source, _ = packed(tmp_path, HELD[name][0])
    request = ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "out")
    early, exact = (workspace.plan(request, exact=known).outputs[0] for known in (False, True))
    made = workspace.convert(request).result().models[0]
    assert early.tensor_bytes == exact.tensor_bytes
    assert made.weight_bytes == exact.weight_bytes
    assert (tmp_path / "out" / "model.safetensors").stat().st_size == exact.weight_bytes


def test_plain_numbers_can_be_had_instead(workspace: Workspace, tmp_path: Path) -> None:
    source, numbers = packed(tmp_path, HELD["GPTQ"][0])
    converted(workspace, source, tmp_path / "out", dequantize=True, preset="fp16")
    found = mx.load(str(tmp_path / "out" / "model.safetensors"))
    for weight, expected in numbers.items():
        assert np.array_equal(np.array(found[weight].astype(mx.float32)), expected)


NOT_HELD = {
    "the order of importance": (
        replace(TOOLS["GPTQ in the order of importance"], config=HALF),
        "order of their importance",
    ),
    "integers in words, reordered": (TOOLS["integers in words, reordered"], ""),
    "scales of 32 bits": (TOOLS["integers in bytes"], ""),
    "zeros that would be rounded": (TOOLS["integers in words with zeros"], ""),
    "zeros of 8 bits": (Tool(gptq(bits=8), of_gptq(8, 32), HALF), ""),
    "groups that MLX lacks": (Tool(gptq(group=16), of_gptq(4, 16), HALF), ""),
    "scales of another type": (Tool(gptq(), of_gptq(4, 32), {"torch_dtype": "bfloat16"}), ""),
}


@pytest.mark.parametrize("name", NOT_HELD)
def test_what_mlx_cannot_hold_becomes_plain_numbers(workspace: Workspace, tmp_path: Path, name: str) -> None:
    tool, why = NOT_HELD[name]
    source, _ = packed(tmp_path, tool)
    plan = workspace.plan(ConvertRequest(ref=str(source), preset="8bit", output=tmp_path / "out"), exact=True)
    told = {finding.code: finding for finding in plan.findings}
    assert "source_quantized" not in told
    assert why in told["quantized_before"].message
    assert {str(layer.quantization) for layer in plan.outputs[0].quantized} == {"8 bit, group 64"}


def test_a_type_that_was_asked_for_is_a_reason_for_plain_numbers(workspace: Workspace, tmp_path: Path) -> None:
    source, _ = packed(tmp_path, HELD["GPTQ"][0])
    request = ConvertRequest(ref=str(source), preset="8bit", dtype="bfloat16", output=tmp_path / "out")
    assert "quantized_before" in {finding.code for finding in workspace.plan(request, exact=False).findings}


def test_groups_that_are_reordered_against_what_config_says_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    source, _ = packed(tmp_path, Tool(gptq(order="mixed"), of_gptq(4, 32), HALF))
    with pytest.raises(CorruptCheckpoint, match="reorders the inputs") as caught:
        converted(workspace, source, tmp_path / "out", preset="8bit")
    assert caught.value.code == "odd_packing"
    assert caught.value.remedies == (SetOption("dequantize", True),)
    assert not (tmp_path / "out").exists()


def test_no_layer_of_awq_is_ever_whole_in_memory(workspace: Workspace, tmp_path: Path) -> None:
    source, random = write_llama(tmp_path / "source", layers=1, **HALF), np.random.default_rng(23)
    wide, tensors = 65_536, dict[str, Stored]()
    for name, tensor in tensors_of(source).items():
        shape = tuple(wide if size == INNER else size for size in tensor.shape)
        packs = ".mlp." in name
        parts = TOOLS["AWQ"].pack(random, *shape)[0] if packs else {".weight": tensor}
        tensors |= {name.removesuffix(".weight") + end: part for end, part in parts.items()}
    said = {"quantization_config": dict(TOOLS["AWQ"].quantization), "intermediate_size": wide}
    store(source, tensors, **said)
    request = ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "out", verify=False)
    stated = workspace.plan(request).peak_memory
    measured = workspace.convert(request).result().peak_memory
    assert measured <= stated
    assert measured < 4 * wide * HIDDEN * 4  # mlx-lm's own repacking takes a layer's codes in 32 bits, often
