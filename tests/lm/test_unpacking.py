"""Weights that other tools have packed become what their formulas say, by rows, and then whatever is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlx_convert_engine.decoders import own_decoders
from packings import TOOLS, Tool, stored
from random_llama import write_llama
from stored import Stored, as_bfloat16, converted, store, tensors_of

from mlx_convert_core import ConvertRequest, MlxConvertError, Workspace
from mlx_convert_core.plugin import DecodedTensor, LeaveOut, SetOption, TensorInfo, decoded, inspect_folder

ENDS = ("q_proj.weight", "o_proj.weight", "up_proj.weight", "down_proj.weight")


def packed(tmp_path: Path, tool: Tool) -> tuple[Path, Path]:
    """A llama of one layer, some of whose weights are packed, and the same with the numbers that they stand for."""
    source, plain = (write_llama(tmp_path / name, layers=1, **tool.config) for name in ("source", "plain"))
    tensors, twin, random = dict[str, Stored](), tensors_of(plain), np.random.default_rng(17)
    for name, tensor in list(twin.items()):
        if not name.endswith(ENDS):
            tensors[name] = tensor
            continue
        parts, numbers = tool.pack(random, *tensor.shape)
        tensors |= {name.removesuffix(".weight") + end: part for end, part in parts.items()}
        twin[name] = stored("F32", numbers)
    store(plain, twin)
    return store(source, tensors, quantization_config=dict(tool.quantization)), plain


@pytest.mark.parametrize("name", TOOLS)
def test_it_converts_as_its_plain_numbers_convert(workspace: Workspace, tmp_path: Path, name: str) -> None:
    source, plain = packed(tmp_path, TOOLS[name])
    outputs = [tmp_path / f"{folder.name}-out" for folder in (source, plain)]
    findings = converted(workspace, source, outputs[0], dequantize=True)
    converted(workspace, plain, outputs[1])
    assert tensors_of(outputs[0]) == tensors_of(outputs[1])
    assert "quantized_before" in {finding.code for finding in findings}
    assert "quantization_config" not in json.loads((outputs[0] / "config.json").read_text())
    record = json.loads((outputs[0] / "mlx_convert.json").read_text())
    assert record["dequantize"]
    assert {kind["kind"] for kind in record["left_out"]} <= {"packing"}  # scales of activations


EXACT = ("GPTQ in the order of importance", "integers in words with zeros", "nf4 with double quant", "HQQ")


@pytest.mark.parametrize("name", EXACT)
def test_its_size_is_known_to_the_byte_before_a_weight_is_read(workspace: Workspace, tmp_path: Path, name: str) -> None:
    plans = [
        workspace.plan(ConvertRequest(ref=str(one), preset="4bit", dtype="bfloat16", output="out"), exact=name == "HQQ")
        for one in packed(tmp_path, TOOLS[name])
    ]
    sizes = [[(output.weight_bytes, output.parameters) for output in plan.outputs] for plan in plans]
    assert sizes[0] == sizes[1]


def test_what_mlx_can_hold_as_it_is_stays_so_unless_plain_numbers_are_asked_for(
    workspace: Workspace, tmp_path: Path
) -> None:
    source, _ = packed(tmp_path, TOOLS["AWQ"])
    plans = [
        workspace.plan(ConvertRequest(ref=str(source), output="out", dequantize=asked), exact=False)
        for asked in (False, True)
    ]
    held, plain = ({finding.code: finding for finding in plan.findings} for plan in plans)
    assert held["source_quantized"].remedies == (SetOption("dequantize", True),)
    assert "quantized_before" in plain
    assert plain["source_quantized"].remedies == (LeaveOut("dequantize"),)
    assert [plan.outputs[0].preset for plan in plans] == ["4bit", "bf16"]


def test_an_order_that_names_groups_which_are_not_there_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    source, _ = packed(tmp_path, TOOLS["GPTQ with a group for each input"])
    name, tensors = "model.layers.0.mlp.up_proj.g_idx", tensors_of(source)
    tensors[name] = stored("I32", np.full(tensors[name].shape, 99, np.int32))
    store(source, tensors)
    with pytest.raises(MlxConvertError, match="g_idx names groups") as refused:
        converted(workspace, source, tmp_path / "out")
    assert refused.value.code == "odd_packing"


@pytest.mark.parametrize(
    ("tool", "end", "odd"),
    [
        ("GPTQ with a group for each input", "g_idx", stored("I32", np.zeros(7, np.int32))),
        ("GPTQ", "qzeros", stored("I32", np.zeros((4, 3), np.int32))),
        ("AWQ", "qzeros", stored("I32", np.zeros((2, 3), np.int32))),
        ("integers in words with zeros", "weight_zero_point", stored("I32", np.zeros((3, 3), np.int32))),
        ("integers in bytes with zeros", "weight_zero_point", stored("I8", np.zeros((3, 3), np.int8))),
        ("LLM.int8", "SCB", stored("F32", np.zeros(3, np.float32))),
        ("nf4", "weight.quant_map", stored("F32", np.zeros(3, np.float32))),
        ("HQQ", "zero", stored("F16", np.zeros((3, 1), np.float16))),
    ],
)
def test_a_layer_with_a_part_of_another_shape_is_refused_by_name(
    workspace: Workspace, tmp_path: Path, tool: str, end: str, odd: Stored
) -> None:
    source, _ = packed(tmp_path, TOOLS[tool])
    layer = "model.layers.0.mlp.up_proj"
    store(source, tensors_of(source) | {f"{layer}.{end}": odd})
    plan = workspace.plan(ConvertRequest(ref=str(source), dequantize=True, output="out"), exact=False)
    [refusal] = plan.errors
    assert f"3 weights can be read, and the parts of {layer} don't go together (" in refusal.message
    assert f".{end} {odd.dtype} {list(odd.shape)}" in refusal.message


def test_a_shape_that_the_file_says_otherwise_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    source, _ = packed(tmp_path, TOOLS["integers in words with zeros"])
    name, tensors = "model.layers.0.mlp.up_proj.weight_shape", tensors_of(source)
    store(source, tensors | {name: stored("I64", np.array([256, 120]))})
    with pytest.raises(MlxConvertError, match="does not give the shape") as refused:
        converted(workspace, source, tmp_path / "out")
    assert refused.value.code == "odd_packing"


STATES = [b"{", b"[]", b'{"shape": [1]}', b'{"shape": [0, 8], "blocksize": 64}', b'{"shape": [2, 4], "blocksize": 0}']


@pytest.mark.parametrize("state", [*STATES, b'{"shape": [1e999, 2], "blocksize": 64}', b"[" * 4000])
def test_a_spoiled_state_of_bitsandbytes_is_told(workspace: Workspace, tmp_path: Path, state: bytes) -> None:
    source, _ = packed(tmp_path, TOOLS["nf4"])
    name = "model.layers.0.mlp.up_proj.weight.quant_state.bitsandbytes__nf4"
    store(source, tensors_of(source) | {name: Stored("U8", (len(state),), state)})
    with pytest.raises(MlxConvertError, match="does not say how its weight is packed"):
        workspace.plan(ConvertRequest(ref=str(source), output="out"), exact=False)


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 6), (3, 21), (127, 128)])
def test_any_rows_are_what_they_are_in_the_whole(tmp_path: Path, name: str, start: int, stop: int) -> None:
    tool = TOOLS[name]
    parts, numbers = tool.pack(np.random.default_rng(5), 128, 256)
    folder = write_llama(tmp_path / "source", layers=1, **tool.config)
    layer = "model.layers.0.mlp.down_proj"
    tensors = {layer + end: part for end, part in parts.items()}
    store(folder, tensors, quantization_config=dict(tool.quantization))
    source = decoded(inspect_folder(folder), own_decoders(unpack=True))
    (shown,) = (tensor for tensor in source.model.tensors if isinstance(tensor, DecodedTensor))
    assert (shown.name, shown.shape) == (f"{layer}.weight", numbers.shape)

    class Whole:
        """The tensors in memory."""

        def read(self, tensor: TensorInfo, start: int, stop: int) -> memoryview:
            assert 0 <= start < stop <= tensor.nbytes
            return memoryview(tensors[tensor.name].data)[start:stop]

    found = source.decoders[shown.name].rows(shown, start, stop, Whole())
    in_type = found.astype(np.float16).astype(np.float32) if shown.dtype == "F16" else as_bfloat16(found)
    assert np.array_equal(in_type, numbers[start:stop])


@pytest.mark.parametrize("name", ["nf4", "HQQ", "HQQ along the other axis"])
def test_shapes_that_are_in_the_files_are_told_from_config_while_those_are_elsewhere(tmp_path: Path, name: str) -> None:
    model = inspect_folder(packed(tmp_path, TOOLS[name])[0])
    here, elsewhere = (
        {(tensor.name, tensor.shape) for tensor in decoded(one, own_decoders(unpack=True)).model.tensors}
        for one in (model, replace(model, path=None))
    )
    assert here == elsewhere
