"""Sources that are quantized already: carried or expanded as mlx_lm.convert does it, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from architectures.checkpoints import write_tiny
from architectures.packed import PACKED
from architectures.sweep import Row, sweep
from mlx_convert_core import ConvertRequest, Workspace

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
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "source_fp8"),
        ({"quant_method": "compressed-tensors", "format": "float-quantized"}, "source_compressed_tensors"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "source_modelopt"),
        ({"bits": 4}, "quant_unknown"),
    ],
)
def test_a_method_that_mlx_lm_can_not_take_is_refused_by_name(
    tmp_path: Path, quantization: dict[str, Any], code: str
) -> None:
    source = write_tiny(tmp_path / "source", "llama")
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"quantization_config": quantization}))
    assert codes(source, "4bit") == {code}
