"""Sources that are quantized already: carried or expanded as mlx_lm.convert does it, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from architectures.checkpoints import tiny_config, write_tiny
from architectures.packed import PACKED
from architectures.sweep import Row, sweep
from mlx_convert_core import ConvertRequest, Finding, UnsupportedModel, Workspace
from mlx_convert_core.plugin import SetOption, ShardWriter, TensorInfo

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


def errors(source: Path, preset: str) -> tuple[Finding, ...]:
    """The error findings for converting ``source``."""
    with Workspace() as workspace:
        plan = workspace.plan(ConvertRequest(ref=str(source), preset=preset, output=source / "out"), exact=False)
        return plan.errors


def codes(source: Path, preset: str) -> set[str]:
    """Their codes."""
    return {finding.code for finding in errors(source, preset)}


def test_ternary_layers_are_not_mixed_with_others(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "source", TERNARY)
    with Workspace() as workspace, pytest.raises(UnsupportedModel, match="would not load again") as refused:
        workspace.plan(ConvertRequest(ref=str(source), preset="4bit", output=source / "out"))
    assert refused.value.code == "source_bitnet"
    assert refused.value.remedies == (SetOption("preset", "bf16"),)
    assert codes(source, "bf16") == set()


def test_a_class_that_builds_ternary_layers_itself_may_have_others_quantized(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "source", "bitnet")
    with Workspace() as workspace:
        plan = workspace.plan(ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "out"))
    assert not plan.errors
    assert plan.outputs[0].quantized


PACKED_AS: dict[str, tuple[str, tuple[int, ...]]] = {
    "q_proj.qweight": ("I32", (64, 8)),
    "q_proj.weight": ("I8", (64, 64)),
    "q_proj.weight_packed": ("I32", (64, 8)),
}
FLOATS: dict[str, tuple[str, tuple[int, ...]]] = {"q_proj.weight": ("F8_E4M3", (64, 64))}
GROUP = {"num_bits": 4, "symmetric": True}


@pytest.mark.parametrize(
    ("quantization", "code", "reason"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "source_bitsandbytes", "with 4 bits: mlx-lm does not"),
        ({"quant_method": "hqq"}, "source_hqq", "does not know this method"),
        ({"quant_method": "awq", "bits": 8}, "source_awq", "4 bits only, not 8"),
        ({"quant_method": "awq", "bits": 4, "version": "gemv"}, "source_awq", "the order of GEMM only"),
        ({"quant_method": "gptq", "bits": 8}, "source_gptq", "with 8 bits: it packs along the inputs"),
        ({"quant_method": "gptq", "bits": 4}, "source_gptq", "with 4 bits: it packs along the inputs"),
        ({"quant_method": "auto-round", "bits": 4}, "source_auto_round", "does not know this method"),
        ({"quant_method": "torchao"}, "source_torchao", "does not know this method"),
        ({"quant_method": "quanto"}, "source_quanto", "does not know this method"),
        ({"quant_method": "compressed-tensors", "format": "int-quantized"}, "source_compressed_tensors", "its format"),
        ({"quant_method": "compressed-tensors", "format": "marlin-24"}, "source_compressed_tensors", "its format"),
        (
            {
                "quant_method": "compressed-tensors",
                "format": "pack-quantized",
                "config_groups": {"group_0": {"weights": GROUP | {"num_bits": 8}}},
            },
            "source_compressed_tensors",
            "with 8 bits: mlx-lm takes 4 bits only",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "format": "pack-quantized",
                "config_groups": {"group_0": {"weights": GROUP | {"symmetric": False}}},
            },
            "source_compressed_tensors",
            "a zero point",
        ),
        ({"quant_method": "modelopt", "quant_algo": "W4A8"}, "source_modelopt", "NVFP4 only"),
        ({"bits": 4}, "quant_unknown", "not how"),
        ({"quant_method": "what\x1b[31m ever"}, "quant_unknown", "does not know this method"),
    ],
)
def test_a_method_that_mlx_lm_can_not_take_is_refused_with_its_reason(
    tmp_path: Path, quantization: dict[str, Any], code: str, reason: str
) -> None:
    source = write_tensors(tmp_path / "source", {"quantization_config": quantization}, **PACKED_AS)
    (error,) = errors(source, "4bit")
    assert error.code == code
    assert reason in error.message


@pytest.mark.parametrize(
    ("quantization", "code"),
    [
        ({"quant_method": "fbgemm_fp8"}, "source_fbgemm_fp8"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "source_fp8"),
        ({"quant_method": "compressed-tensors", "format": "float-quantized"}, "source_compressed_tensors"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "source_modelopt"),
    ],
)
def test_8_bit_floats_without_scales_are_refused_by_name(
    tmp_path: Path, quantization: dict[str, Any], code: str
) -> None:
    source = write_tensors(tmp_path / "source", {"quantization_config": quantization}, **FLOATS)
    assert codes(source, "4bit") == {code}


LEFTOVERS: tuple[dict[str, Any], ...] = (
    {"quant_method": "bitsandbytes", "load_in_4bit": True},
    {"quant_method": "gptq", "bits": 4, "group_size": 128},
    {"quant_method": "awq", "bits": 4},
    {"quant_method": "hqq"},
    {"quant_method": "fp8", "weight_block_size": [128, 128]},
    {"quant_method": "mxfp4"},
    {"quant_method": "torchao"},
    {"quant_method": "compressed-tensors", "format": "pack-quantized"},
    {"quant_method": "modelopt", "quant_algo": "FP8"},
    {"bits": 4},
)


@pytest.mark.parametrize("entry", LEFTOVERS, ids=lambda entry: str(entry.get("quant_method", "no method")))
def test_plain_tensors_convert_whatever_config_says_of_a_quantization(
    tmp_path: Path, tiny_llama: Path, entry: dict[str, Any]
) -> None:
    config = json.loads((tiny_llama / "config.json").read_text())
    (tiny_llama / "config.json").write_text(json.dumps(config | {"quantization_config": entry}))
    (tiny_llama / "hf_quant_config.json").write_text(json.dumps({"quantization": entry}))
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(tiny_llama), preset="bf16", output=tmp_path / "out")
        (model,) = workspace.convert(request, inline=True).result().models
    (told,) = [finding for finding in model.findings if finding.code == "leftover_quantization"]
    assert str(entry.get("quant_method", "an unnamed tool")) in told.message
    result = json.loads((tmp_path / "out" / "config.json").read_text())
    assert "quantization_config" not in result
    assert "quantization" not in result


def test_mlx_says_of_itself_that_it_quantized_plain_tensors(tmp_path: Path, tiny_llama: Path) -> None:
    config = json.loads((tiny_llama / "config.json").read_text())
    numbers = {"bits": 4, "group_size": 64, "model.layers.0.mlp.up_proj": {"bits": 8, "group_size": 64}}
    (tiny_llama / "config.json").write_text(json.dumps(config | {"quantization": numbers}))
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(tiny_llama), preset="bf16", output=tmp_path / "out")
        workspace.convert(request, inline=True).result()
    assert "quantization" not in json.loads((tmp_path / "out" / "config.json").read_text())


def test_ternary_layers_that_are_stored_plain_are_no_leftover(tmp_path: Path) -> None:
    """The entry says how the model computes: without it, it would be another model."""
    bitnet = {"quantization_config": {"quant_method": "bitnet", "quantization_mode": "online"}}
    source = write_tensors(tmp_path / "source", bitnet, **{"q_proj.weight": ("BF16", (64, 64))})
    assert codes(source, "bf16") == {"source_bitnet"}


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
    odd: dict[str, tuple[str, tuple[int, ...]]] = {"q_proj.weight_scale": ("F32", (3, 5))}
    eight = write_tensors(tmp_path / "fp8", {}, q_proj__weight=("F8_E4M3", (64, 64)), **odd)
    assert codes(eight, "4bit") == {"source_fp8"}
    mlx = write_tensors(tmp_path / "mlx", {"quantization": {"bits": 4, "group_size": 64}}, w=("U32", (64, 8)))
    assert codes(mlx, "4bit") == {"already_mlx"}


def test_what_modelopt_says_in_a_file_of_its_own_is_refused_before_a_weight_is_read(tmp_path: Path) -> None:
    tensors = {"q_proj.weight": ("U8", (64, 32)), "q_proj.weight_scale": ("F8_E4M3", (64, 4))}
    source = write_tensors(tmp_path / "source", tiny_config("llama"), **tensors)
    said = {"quantization": {"quant_algo": "W4A8"}, "quant_method": "modelopt"}
    (source / "hf_quant_config.json").write_text(json.dumps(said))
    with Workspace() as workspace, pytest.raises(UnsupportedModel, match="NVFP4 only") as caught:
        workspace.plan(ConvertRequest(ref=str(source), output=tmp_path / "model"))
    assert caught.value.code == "source_modelopt"


AWQ: dict[str, tuple[str, tuple[int, ...]]] = {"q_proj.qweight": ("I32", (64, 8)), "q_proj.scales": ("F16", (1, 64))}
INTEGERS: dict[str, tuple[str, tuple[int, ...]]] = {
    "q_proj.weight_packed": ("I32", (64, 8)),
    "q_proj.weight_scale": ("BF16", (64, 2)),
}


@pytest.mark.parametrize(
    ("method", "tensors", "reason"),
    [
        ({"quant_method": "awq", "bits": 4}, AWQ | {"q_proj.qzeros": ("I32", (8, 1))}, "zero points are laid out"),
        (
            {"quant_method": "compressed-tensors", "format": "pack-quantized"},
            INTEGERS | {"q_proj.weight_zero_point": ("I32", (9, 2))},
            "have a zero point",
        ),
        (
            {"quant_method": "compressed-tensors", "format": "pack-quantized"},
            INTEGERS | {"q_proj.weight_g_idx": ("I32", (60,))},
            "groups are reordered",
        ),
    ],
)
def test_tensors_of_another_variant_are_refused_with_their_reason(
    tmp_path: Path, method: dict[str, Any], tensors: dict[str, Any], reason: str
) -> None:
    source = write_tensors(tmp_path / "source", {"quantization_config": method}, **tensors)
    (error,) = errors(source, "4bit")
    assert reason in error.message
