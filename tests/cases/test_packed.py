"""Weights that are packed, and those of which config.json only says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architectures.checkpoints import write_tiny

from cases.checkpoints import (
    SCALE,
    Tensors,
    change_config,
    eight_bit_twins,
    stored,
    tensors_of,
    write_llama,
    write_tensors,
)
from cases.converting import Convert, compute_the_same

BITSANDBYTES = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True}


@pytest.mark.parametrize("bits", [4, 8])
def test_compressed_tensors_ints(convert: Convert, llama: Path, bits: int) -> None:
    tensors: Tensors = {}
    for name, tensor in tensors_of(llama).items():
        if not name.endswith("_proj.weight"):
            tensors[name] = tensor
            continue
        rows, width = tensor.shape
        tensors[f"{name}_packed"] = stored("I32", np.full((rows, width * bits // 32), 0x78787878))
        tensors[f"{name}_scale"] = stored("BF16", np.full((rows, 1), 0x3C00))
        tensors[f"{name}_shape"] = stored("I64", [rows, width])
    write_tensors(llama, tensors)
    weights = {"num_bits": bits, "type": "int", "strategy": "channel", "symmetric": True}
    change_config(llama, quantization_config={
        "quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["lm_head"],
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
    })  # fmt: skip
    made = convert(llama)
    assert made.path is not None or made.says("compressed-tensors")


def test_kimi_k25_fp8(convert: Convert, tmp_path: Path) -> None:
    def blocks(name: str, shape: tuple[int, ...]) -> Tensors:
        return {f"{name}_scale_inv": stored("F32", np.full([-(-size // 128) for size in shape], SCALE))}

    packed, plain = _twins(tmp_path, "kimi_k25", blocks, weight_block_size=[128, 128])
    assert compute_the_same(convert(packed, "bf16").path, convert(plain, "bf16").path)


def test_ministral3_fp8(convert: Convert, tmp_path: Path) -> None:
    def one_each(name: str, shape: tuple[int, ...]) -> Tensors:
        layer = name.removesuffix(".weight")
        return {f"{name}_scale_inv": stored("F32", SCALE), f"{layer}.activation_scale": stored("F32", 1.0)}

    packed, plain = _twins(tmp_path, "ministral3", one_each, activation_scheme="static")
    made = convert(packed, "bf16")
    assert compute_the_same(made.path, convert(plain, "bf16").path) if made.path else made.says("^source_fp8")


def _twins(tmp_path: Path, model_type: str, scales: Any, **quantization: Any) -> tuple[Path, Path]:
    packed, plain = (write_tiny(tmp_path / name, model_type) for name in ("packed", "plain"))
    for folder, tensors in zip((packed, plain), eight_bit_twins(tensors_of(plain), scales), strict=True):
        write_tensors(folder, tensors)
    change_config(packed, quantization_config={"quant_method": "fp8", "fmt": "e4m3", **quantization})
    return packed, plain


def test_leftover_bitsandbytes(convert: Convert, llama: Path, tmp_path: Path) -> None:
    assert _converts_as_without(BITSANDBYTES, convert, llama, tmp_path)


def test_leftover_gptq(convert: Convert, llama: Path, tmp_path: Path) -> None:
    assert _converts_as_without(GPTQ, convert, llama, tmp_path)


def _converts_as_without(entry: dict[str, Any], convert: Convert, llama: Path, tmp_path: Path) -> bool:
    change_config(llama, quantization_config=entry)
    plain = write_llama(tmp_path / "plain")
    return compute_the_same(convert(llama, "bf16").path, convert(plain, "bf16").path)
