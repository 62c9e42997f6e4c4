"""Weights in 8-bit floats stand for the numbers that their format defines, whatever a model class makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_llama import write_llama
from stored import Stored, as_bfloat16, converted, planned, store, tensors_of

from mlx_convert_core import Workspace

LAYER = "model.layers.0.mlp.up_proj.weight"  # 256 by 128
FP8 = {"quant_method": "fp8"}
ATTENTION = "model.layers.0.self_attn"
OF_ACTIVATIONS = (
    LAYER.replace("weight", "input_scale"),
    LAYER.replace("weight", "activation_scale"),
    f"{ATTENTION}.k_scale",
    f"{ATTENTION}.k_proj.k_scale",
    f"{ATTENTION}.v_proj.v_scale",
)


def e4m3(data: bytes) -> np.ndarray[Any, Any]:
    """Decode by the definition (OCP 8-bit floating point, 1.0): 4 bits of exponent with a bias of 7, 3 of mantissa."""
    code = np.frombuffer(data, np.uint8).astype(np.int32)
    exponent, mantissa = (code >> 3) & 15, code & 7
    size = np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7))
    return np.where(code & 128, -size, size).astype(np.float32)


def e5m2(data: bytes) -> np.ndarray[Any, Any]:
    """The upper half of a float16."""
    return (np.frombuffer(data, np.uint8).astype(np.uint16) << 8).view(np.float16).astype(np.float32)


def packed(
    folder: Path,
    scale: np.ndarray[Any, Any],
    *,
    dtype: str = "F8_E4M3",
    end: str = "_scale_inv",
    block: tuple[int, int] | None = None,
    **more: Any,
) -> np.ndarray[Any, Any]:
    """Store `LAYER` in 8-bit floats with ``scale`` beside it; the bfloat16 numbers that it then stands for."""
    tensors = tensors_of(folder)
    shape = tensors[LAYER].shape
    codes = np.random.default_rng(3).integers(0, 0x78, shape, dtype=np.uint8)  # below infinity and NaN
    codes |= np.random.default_rng(4).integers(0, 2, shape, dtype=np.uint8) << 7
    tensors[LAYER] = Stored(dtype, shape, codes.tobytes())
    scale = np.asarray(scale, np.float32)
    tensors[LAYER + end] = Stored("F32", scale.shape, scale.tobytes())
    for name in OF_ACTIVATIONS:
        tensors[name] = Stored("F32", (), np.float32(0.5).tobytes())
    store(folder, tensors, quantization_config=FP8 | more)
    values = (e4m3 if dtype == "F8_E4M3" else e5m2)(codes.tobytes()).reshape(shape)
    return as_bfloat16(values * spread(scale, shape, block))


def spread(scale: np.ndarray[Any, Any], shape: tuple[int, ...], block: tuple[int, int] | None) -> np.ndarray[Any, Any]:
    """A scale for each value: a list is one for each row, what has as many axes is repeated, in blocks if so said."""
    if block is not None:
        flat = scale.reshape(-(-shape[0] // block[0]), -(-shape[1] // block[1]))
        return flat.repeat(block[0], 0)[: shape[0]].repeat(block[1], 1)[:, : shape[1]]
    return scale[:, None] if scale.ndim == 1 and scale.size > 1 else scale


SCALES = {
    "one number": np.float32(0.0117),
    "a list of one": np.array([0.0117], np.float32),
    "a row each": np.linspace(0.001, 0.02, 256, dtype=np.float32),
    "a row each, as a column": np.linspace(0.001, 0.02, 256, dtype=np.float32)[:, None],
}
BLOCKS = np.array([[0.003], [0.011]], np.float32)
OF_64 = np.linspace(0.001, 0.02, 4 * 2, dtype=np.float32).reshape(4, 2)
COMPRESSED = {"quant_method": "compressed-tensors", "format": "float-quantized"}
# What each tool calls the scale, what it says of it, its shape, and the block that each number is for.
TOOLS: dict[str, tuple[str, dict[str, Any], np.ndarray[Any, Any], tuple[int, int] | None]] = {
    "DeepSeek": ("_scale_inv", FP8, BLOCKS, (128, 128)),
    "DeepSeek, other blocks": ("_scale_inv", FP8 | {"weight_block_size": [64, 64]}, OF_64, (64, 64)),
    "Mistral": ("_scale_inv", FP8 | {"activation_scheme": "static"}, SCALES["one number"], None),
    "compressed-tensors, a tensor": ("_scale", COMPRESSED, SCALES["a list of one"], None),
    "compressed-tensors, channels": ("_scale", COMPRESSED, SCALES["a row each, as a column"], None),
    "compressed-tensors, blocks": (
        "_scale",
        COMPRESSED | {"config_groups": {"group_0": {"weights": {"num_bits": 8, "block_structure": [64, 64]}}}},
        OF_64,
        (64, 64),
    ),
    "compressed-tensors, groups": (
        "_scale",
        COMPRESSED | {"config_groups": {"group_0": {"weights": {"num_bits": 8, "group_size": 64}}}},
        np.linspace(0.001, 0.02, 256 * 2, dtype=np.float32).reshape(256, 2),
        (1, 64),
    ),
    "ModelOpt": ("_scale", {"quant_method": "modelopt", "quant_algo": "FP8"}, SCALES["one number"], None),
    "ModelOpt, blocks": (
        "_scale",
        {"quant_method": "modelopt", "quant_algo": "FP8_PB_WO"},
        BLOCKS.reshape(2, 1, 1, 1),
        (128, 128),
    ),
    "FBGEMM": ("_scale", {"quant_method": "fbgemm_fp8"}, SCALES["a row each, as a column"], None),
}


@pytest.mark.parametrize("scale", SCALES.values(), ids=list(SCALES))
def test_every_layout_of_scales_is_expanded_as_it_is_defined(
    workspace: Workspace, tmp_path: Path, scale: np.ndarray[Any, Any]
) -> None:
    source = write_llama(tmp_path / "source")
    expected = packed(source, scale)
    findings = converted(workspace, source, tmp_path / "out")
    assert np.array_equal(tensors_of(tmp_path / "out")[LAYER].values, expected)
    assert [one.code for one in findings if one.code.startswith("source")] == ["source_fp8"]
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert "quantization_config" not in config


@pytest.mark.parametrize(("end", "settings", "scale", "block"), TOOLS.values(), ids=list(TOOLS))
def test_what_every_tool_writes_is_expanded_as_it_defines_it(
    workspace: Workspace,
    tmp_path: Path,
    end: str,
    settings: dict[str, Any],
    scale: np.ndarray[Any, Any],
    block: tuple[int, int] | None,
) -> None:
    source = write_llama(tmp_path / "source")
    expected = packed(source, scale, end=end, block=block, **settings)
    findings = converted(workspace, source, tmp_path / "out")
    assert np.array_equal(tensors_of(tmp_path / "out")[LAYER].values, expected)
    (told,) = [one.message for one in findings if one.code == "source_fp8"]
    assert f"{len(OF_ACTIVATIONS)} scales of activations are not needed" in told


def test_floats_of_the_wider_kind_are_expanded_too(workspace: Workspace, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    expected = packed(source, SCALES["one number"], dtype="F8_E5M2")
    converted(workspace, source, tmp_path / "out")
    assert np.array_equal(tensors_of(tmp_path / "out")[LAYER].values, expected)


@pytest.mark.parametrize("preset", ["4bit", "4bit-tuned"])
def test_quantizing_starts_from_the_expanded_numbers(workspace: Workspace, tmp_path: Path, preset: str) -> None:
    source, plain = write_llama(tmp_path / "source"), write_llama(tmp_path / "plain")
    expected = packed(source, SCALES["one number"])
    bits = (expected.view(np.uint32) >> 16).astype(np.uint16)
    store(plain, tensors_of(plain) | {LAYER: Stored("BF16", expected.shape, bits.tobytes())})
    for folder in (source, plain):
        converted(workspace, folder, tmp_path / f"{folder.name}-4bit", preset=preset)
    assert tensors_of(tmp_path / "source-4bit") == tensors_of(tmp_path / "plain-4bit")


def test_a_model_class_that_multiplies_the_bytes_is_not_let_near_them(workspace: Workspace, tmp_path: Path) -> None:
    # mlx-lm's class for Ministral 3 takes the bytes of the floats for integers.
    rope = {"rope_theta": 1e4, "original_max_position_embeddings": 512, "llama_4_scaling_beta": 0.1}
    source = write_llama(tmp_path / "source", rope_parameters=rope)
    expected = packed(source, SCALES["one number"])
    config = json.loads((source / "config.json").read_text()) | {"model_type": "ministral3"}
    (source / "config.json").write_text(json.dumps(config))
    converted(workspace, source, tmp_path / "out")
    assert np.array_equal(tensors_of(tmp_path / "out")[LAYER].values, expected)


def test_floats_whose_scale_is_laid_out_in_an_unknown_way_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    packed(source, np.ones((3, 5), np.float32), block=(86, 26))
    (error,) = planned(workspace, source)
    assert error.code == "source_fp8"
    assert "not known here" in error.message


def test_floats_whose_scales_are_missing_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    tensors = tensors_of(source)
    tensors[LAYER] = Stored("F8_E4M3", tensors[LAYER].shape, bytes(len(tensors[LAYER].data) // 2))
    store(source, tensors, quantization_config=FP8)
    (error,) = planned(workspace, source)
    assert error.code == "source_fp8"


def test_a_weight_without_its_scale_is_named(workspace: Workspace, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    packed(source, np.ones((1,), np.float32))
    other = LAYER.replace("layers.0", "layers.1")
    tensors = tensors_of(source)
    store(source, tensors | {other: Stored("F8_E4M3", (256, 128), bytes(256 * 128))}, quantization_config=FP8)
    (error,) = planned(workspace, source)
    assert error.code == "source_fp8"
    assert f"there is no scale beside {other}." in error.message
