"""What is carried over packed is worth what its format defines, or is refused with how it differs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx_convert_engine.proof import Carried, Proof
from mlx_convert_engine.source_files import SourceFiles
from mlx_convert_engine.source_model import undecoded
from random_llama import write_llama
from stored import Stored, store, tensors_of

from mlx_convert_core import ConvertRequest, Quantization, UnsupportedModel, Workspace
from mlx_convert_core.plugin import Checkpoint, inspect_folder

ROWS, WIDTH = 64, 128
Arrays = dict[str, Any]
numbers = np.random.default_rng(5)


def stored(dtype: str, values: np.ndarray[Any, Any]) -> Stored:
    return Stored(dtype, values.shape, values.tobytes())


def in_words(nibbles: np.ndarray[Any, Any], order: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7)) -> np.ndarray[Any, Any]:
    """Eight values of four bits along the last axis in a word, each in the nibble that ``order`` says."""
    parts = nibbles.reshape(*nibbles.shape[:-1], -1, 8).astype(np.uint32)
    return np.bitwise_or.reduce(parts << (4 * np.array(order, np.uint32)), axis=-1)


def awq() -> tuple[dict[str, Stored], Arrays, Quantization]:
    """AutoAWQ, GEMM: a word for eight outputs, which are not in order; and what MLX is to hold of it."""
    codes = numbers.integers(0, 16, (WIDTH, ROWS))
    zeros = numbers.integers(4, 12, (WIDTH // 64, ROWS))
    scales = numbers.uniform(0.001, 0.02, (WIDTH // 64, ROWS)).astype(np.float16)
    order = (0, 4, 1, 5, 2, 6, 3, 7)
    source = {
        "qweight": stored("I32", in_words(codes, order)),
        "qzeros": stored("I32", in_words(zeros, order)),
        "scales": stored("F16", scales),
    }
    biases = -zeros.T.astype(np.float32) * scales.T
    arrays = {
        "weight": mx.array(in_words(codes.T)),
        "scales": mx.array(scales.T),
        "biases": mx.array(biases.astype(np.float16)),
    }
    return source, arrays, Quantization.of(bits=4, group_size=64, mode="affine")


def integers() -> tuple[dict[str, Stored], Arrays, Quantization]:
    """compressed-tensors, pack-quantized: values less eight."""
    codes = numbers.integers(0, 16, (ROWS, WIDTH))
    scales = numbers.uniform(0.001, 0.02, (ROWS, WIDTH // 32)).astype(np.float32)
    source = {"weight_packed": stored("I32", in_words(codes)), "weight_scale": stored("F32", scales)}
    arrays = {"weight": mx.array(in_words(codes)), "scales": mx.array(scales), "biases": mx.array(-8 * scales)}
    return source, arrays, Quantization.of(bits=4, group_size=32, mode="affine")


def floats(form: str) -> tuple[dict[str, Stored], Arrays, Quantization]:
    """Floats of four bits in pairs, with exponents or floats of eight bits for scales."""
    group, of = (16, "F8_E4M3") if form == "nvfp4" else (32, "U8")
    codes = numbers.integers(0, 256, (ROWS, WIDTH // 2), dtype=np.uint8)
    scales = numbers.integers(40 if form == "nvfp4" else 118, 70 if form == "nvfp4" else 123, (ROWS, WIDTH // group))
    scales = scales.astype(np.uint8)
    source = {"weight_packed": stored("U8", codes), "weight_scale": stored(of, scales)}
    arrays = {"weight": mx.array(codes).view(mx.uint32), "scales": mx.array(scales)}
    return source, arrays, Quantization.of(bits=4, group_size=group, mode=form)  # type: ignore[arg-type]


FORMATS: dict[str, Callable[[], tuple[dict[str, Stored], Arrays, Quantization]]] = {
    "awq": awq,
    "integers": integers,
    "mxfp4": lambda: floats("mxfp4"),
    "nvfp4": lambda: floats("nvfp4"),
}


def prove(folder: Path, tensors: dict[str, Stored], arrays: Arrays, quantization: Quantization | None) -> None:
    """Prove that ``arrays`` are worth ``tensors``, which are called q.weight, q.scales and so on."""
    named = {f"q.{name}": tensor for name, tensor in tensors.items()}
    store(write_llama(folder), named)
    model = inspect_folder(folder)
    with SourceFiles(Checkpoint(folder), model.tensors, lambda: None) as source:
        layer = Carried(path="layers.0.q", arrays=arrays, sources=frozenset(named), quantization=quantization)
        Proof(undecoded(model), source).prove(layer)


def refusal(folder: Path, tensors: dict[str, Stored], arrays: Arrays, quantization: Quantization | None) -> str:
    with pytest.raises(UnsupportedModel) as refused:
        prove(folder, tensors, arrays, quantization)
    assert refused.value.code == "packed_differs"
    return refused.value.message


@pytest.mark.parametrize("form", FORMATS)
def test_a_layer_that_is_worth_what_its_format_defines_is_carried(tmp_path: Path, form: str) -> None:
    tensors, arrays, quantization = FORMATS[form]()
    prove(tmp_path / "right", tensors, arrays, quantization)
    turned = {name: array[::-1] for name, array in arrays.items()}
    prove(tmp_path / "moved", tensors, turned, quantization)  # a class may order rows anew


@pytest.mark.parametrize("form", FORMATS)
def test_values_in_another_order_are_refused(tmp_path: Path, form: str) -> None:
    tensors, arrays, quantization = FORMATS[form]()
    swapped = (arrays["weight"] >> 4 & 0x0F0F0F0F) | ((arrays["weight"] & 0x0F0F0F0F) << 4)
    told = refusal(tmp_path / "source", tensors, arrays | {"weight": swapped}, quantization)
    assert "makes other numbers of layers.0.q" in told
    assert "where the format defines" in told


@pytest.mark.parametrize("form", ["awq", "integers"])
def test_a_zero_that_is_one_off_is_refused(tmp_path: Path, form: str) -> None:
    tensors, arrays, quantization = FORMATS[form]()
    off = arrays | {"biases": arrays["biases"] + arrays["scales"]}
    assert "a row begins with" in refusal(tmp_path / "source", tensors, off, quantization)


def test_a_scale_for_the_whole_weight_that_is_left_out_is_refused_by_its_factor(tmp_path: Path) -> None:
    tensors, arrays, quantization = floats("nvfp4")
    tensors["weight_global_scale"] = stored("F32", np.array([4], np.float32))
    told = refusal(tmp_path / "source", tensors, arrays, quantization)
    assert "each is 4 times what it should be" in told
    right = arrays | {"global_scale": mx.array([6 * 448 / 4])}
    prove(tmp_path / "right", tensors, right, quantization)


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_class_expands_itself_is_proved_likewise(tmp_path: Path, form: str) -> None:
    tensors, arrays, of = FORMATS[form]()
    numbers = {"group_size": of.group_size, "bits": of.bits, "mode": of.mode}
    plain = mx.dequantize(arrays["weight"], arrays["scales"], arrays.get("biases"), **numbers)
    prove(tmp_path / "right", tensors, {"weight": plain.astype(mx.bfloat16)}, None)
    told = refusal(tmp_path / "wrong", tensors, {"weight": plain.astype(mx.bfloat16) / 2}, None)
    assert re.search(r"each is 0\.(5|499\d|500\d) times what it should be", told)


def test_what_is_no_number_in_the_source_is_no_difference(tmp_path: Path) -> None:
    tensors, arrays, quantization = floats("nvfp4")
    scales = np.frombuffer(tensors["weight_scale"].data, np.uint8).reshape(ROWS, -1).copy()
    scales[0, 1] = 0x7F
    tensors["weight_scale"] = stored("F8_E4M3", scales)
    prove(tmp_path / "source", tensors, arrays | {"scales": mx.array(scales)}, quantization)


def test_a_layout_that_is_not_known_is_refused(tmp_path: Path) -> None:
    tensors, arrays, quantization = integers()
    tensors["weight_g_idx"] = stored("I32", np.zeros(WIDTH, np.int32))
    assert "not known here" in refusal(tmp_path / "source", tensors, arrays, quantization)


CODE = """
import mlx.core as mx
from mlx_lm.models import llama

ModelArgs = llama.ModelArgs


class Model(llama.Model):
    def sanitize(self, weights):
        made = {}
        for name, array in weights.items():
            layer, _, leaf = name.rpartition(".weight")
            if leaf == "_packed":
                scales = weights[layer + ".weight_scale"]
                made[layer + ".weight"] = array.view(mx.uint32)
                made |= {layer + ".scales": scales, layer + ".biases": ZERO * scales}
            elif leaf != "_scale":
                made[name] = array
        return made
"""


@pytest.mark.parametrize(("zero", "right"), [(-8, True), (-7, False)])
def test_a_class_of_the_models_own_is_proved_like_any_other(
    workspace: Workspace, tmp_path: Path, zero: int, right: bool
) -> None:
    source, name = write_llama(tmp_path / "source"), "model.layers.1.mlp.up_proj"
    tensors = tensors_of(source)
    rows, width = tensors.pop(f"{name}.weight").shape
    tensors[f"{name}.weight_packed"] = stored("I32", numbers.integers(0, 1 << 32, (rows, width // 8), dtype=np.uint32))
    scales = numbers.uniform(0.001, 0.02, (rows, width // 32)).astype(np.float32)
    tensors[f"{name}.weight_scale"] = stored("F32", scales)
    said = {"quant_method": "compressed-tensors", "format": "pack-quantized"}
    store(source, tensors, model_file="own.py", quantization_config=said)
    (source / "own.py").write_text(CODE.replace("ZERO", str(zero)))
    request = ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "out", trust_remote_code=True)
    if right:
        workspace.convert(request, inline=True).result()
        assert json.loads((tmp_path / "out" / "config.json").read_text())["quantization"]["bits"] == 4
        return
    with pytest.raises(UnsupportedModel, match=f"other numbers of {name} than compressed-tensors'") as refused:
        workspace.convert(request, inline=True).result()
    assert refused.value.code == "packed_differs"
    assert not (tmp_path / "out").exists()
