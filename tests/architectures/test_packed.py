"""Sources that are quantized already: carried or expanded as mlx_lm.convert does it, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from architectures.checkpoints import write_tiny
from architectures.packed import PACKED
from architectures.sweep import Row, sweep
from mlx_convert_core import ConvertRequest, UnsupportedModel, Workspace
from mlx_convert_core.plugin import ShardWriter, TensorInfo

METAL_ONLY = ("muse_spark-nvfp4", "llama-bitnet")
TERNARY = "llama-bitnet"  # converts without further quantization only
KINDS = sorted(PACKED.keys() - {TERNARY})


@pytest.fixture(scope="module")
def packed() -> dict[str, Row]:
    """What came of each kind."""
    rows = {row.model_type: row for row in sweep(KINDS)}
    return rows | {row.model_type: row for row in sweep([TERNARY], ["bf16"])}


@pytest.mark.parametrize("kind", [*KINDS, TERNARY])
def test_a_quantized_source_converts_equal_and_generates(kind: str, packed: dict[str, Row]) -> None:
    assert packed[kind].equal, packed[kind].reason
    assert packed[kind].generates or kind in METAL_ONLY, packed[kind].reason


def codes(source: Path, preset: str) -> set[str]:
    """The error findings for converting ``source``."""
    with Workspace() as workspace:
        plan = workspace.plan(ConvertRequest(ref=str(source), preset=preset, output=source / "out"), exact=False)
        return {finding.code for finding in plan.errors}


def test_ternary_layers_are_not_mixed_with_others(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "source", TERNARY)
    assert codes(source, "4bit") == {"source_bitnet"}
    assert codes(source, "bf16") == set()


@pytest.mark.parametrize(
    ("quantization", "code"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "source_bitsandbytes"),
        ({"quant_method": "hqq"}, "source_hqq"),
        ({"quant_method": "awq", "bits": 8}, "source_awq"),
        ({"quant_method": "gptq", "bits": 8}, "source_gptq"),
        ({"quant_method": "auto-round", "bits": 4}, "source_auto_round"),
        ({"quant_method": "torchao"}, "source_torchao"),
        ({"quant_method": "quanto"}, "source_quanto"),
        ({"quant_method": "fbgemm_fp8"}, "source_fbgemm_fp8"),
        ({"quant_method": "compressed-tensors", "format": "int-quantized"}, "source_compressed_tensors"),
        ({"quant_method": "compressed-tensors", "format": "marlin-24"}, "source_compressed_tensors"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "source_fp8"),
        ({"quant_method": "compressed-tensors", "format": "float-quantized"}, "source_compressed_tensors"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "source_modelopt"),
        ({"bits": 4}, "quant_unknown"),
        ({"quant_method": "what\x1b[31m ever"}, "quant_unknown"),
    ],
)
def test_a_method_that_mlx_lm_can_not_take_is_refused_by_name(
    tmp_path: Path, quantization: dict[str, Any], code: str
) -> None:
    source = write_tiny(tmp_path / "source", "llama")
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"quantization_config": quantization}))
    assert codes(source, "4bit") == {code}


def write_tensors(folder: Path, config: dict[str, Any], **tensors: tuple[str, tuple[int, ...]]) -> Path:
    """Write a checkpoint of the type llama with these tensors (``__`` for a dot) and nothing else to read."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"} | config))
    (folder / "tokenizer.json").write_text("{}")
    planned = [
        TensorInfo(name=name.replace("__", "."), dtype=dtype, shape=shape, shard="model.safetensors")
        for name, (dtype, shape) in tensors.items()
    ]
    with ShardWriter(folder, planned) as writer:
        for tensor in planned:
            writer.write(tensor.name, bytes(tensor.nbytes))
    return folder


def test_tensors_give_a_method_away_that_config_does_not_name(tmp_path: Path) -> None:
    gptq = {"quantization_config": {"quant_method": "gptq", "bits": 4}}
    reordered = write_tensors(tmp_path / "gptq", gptq, q_proj__g_idx=("I32", (64,)))
    assert codes(reordered, "4bit") == {"source_gptq"}
    bitsandbytes = write_tensors(tmp_path / "bnb", {}, q_proj__weight__absmax=("F32", (64,)))
    assert codes(bitsandbytes, "4bit") == {"bnb"}
    eight = write_tensors(tmp_path / "fp8", {}, q_proj__weight=("F8_E4M3", (64, 64)))
    assert codes(eight, "4bit") == {"source_fp8"}
    mlx = write_tensors(tmp_path / "mlx", {"quantization": {"bits": 4, "group_size": 64}}, w=("U32", (64, 8)))
    assert codes(mlx, "4bit") == {"already_mlx"}


def test_what_modelopt_says_in_a_file_of_its_own_is_refused_before_a_weight_is_read(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "source", "llama")
    said = {"quantization": {"quant_algo": "FP8"}, "quant_method": "modelopt"}
    (source / "hf_quant_config.json").write_text(json.dumps(said))
    with Workspace() as workspace, pytest.raises(UnsupportedModel, match="NVFP4 only") as caught:
        workspace.plan(ConvertRequest(ref=str(source), output=tmp_path / "model"))
    assert caught.value.code == "source_modelopt"
