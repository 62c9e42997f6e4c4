"""A model that MLX has quantized becomes plain numbers, or others, as if its plain numbers were converted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from mlx_convert_engine.memory import decoding_memory
from random_llama import write_llama
from stored import Stored, converted, store, tensors_of

from mlx_convert_core import ConvertRequest, PreflightFailed, Quantization, UnsupportedModel, Workspace
from mlx_convert_core.plugin import SetOption, UseInstead

sys.path.append(str(Path(__file__).parents[1]))

from architectures.checkpoints import write_tiny

NUMBERS = {
    "4 bits": Quantization(bits=4),
    "8 bits": Quantization(bits=8, group_size=32),
    "3 bits": Quantization(bits=3, group_size=128),
    "mxfp4": Quantization.of(mode="mxfp4"),
    "nvfp4": Quantization.of(mode="nvfp4"),
    "mxfp8": Quantization.of(mode="mxfp8"),
}


def stored(array: mx.array) -> Stored:
    dtype = {mx.bfloat16: "BF16", mx.uint32: "U32", mx.uint8: "U8", mx.float16: "F16"}[array.dtype]
    return Stored(dtype, tuple(array.shape), bytes(memoryview(mx.contiguous(array).view(mx.uint8))))


def quantized(tmp_path: Path, numbers: Quantization, **layers: Quantization | bool) -> tuple[Path, Path]:
    """A llama as MLX quantizes it, and the plain numbers that MLX itself makes of that. ``layers`` have numbers of
    their own, by the last part of their names; false keeps them as they are."""
    source, plain = write_llama(tmp_path / "source"), write_llama(tmp_path / "plain")
    packed, said = dict[str, Stored](), dict[str, Any](numbers.as_config())
    tensors = tensors_of(plain)
    for name, tensor in list(tensors.items()):
        path = name.removesuffix(".weight")
        own = next((of for end, of in layers.items() if path.endswith(end)), numbers)
        if len(tensor.shape) < 2 or own is False:
            packed[name] = tensor
            said |= {path: False} if own is False else {}
            continue
        assert isinstance(own, Quantization)
        weight = mx.array(tensor.values).astype(mx.bfloat16)
        how = {"group_size": own.group_size, "bits": own.bits, "mode": own.mode}
        parts = mx.quantize(weight, **how)
        packed |= {
            f"{path}.{leaf}": stored(part) for leaf, part in zip(("weight", "scales", "biases"), parts, strict=False)
        }
        tensors[name] = stored(mx.dequantize(*parts, **how))
        said |= {path: own.as_config()} if own != numbers else {}
    store(plain, tensors)
    return store(source, packed, quantization=said, quantization_config=said), plain


@pytest.mark.parametrize("numbers", NUMBERS.values(), ids=list(NUMBERS))
@pytest.mark.parametrize("preset", ["bf16", "2bit"])
def test_it_converts_as_what_mlx_dequantizes_converts(
    workspace: Workspace, tmp_path: Path, numbers: Quantization, preset: str
) -> None:
    source, plain = quantized(tmp_path, numbers)
    findings = converted(workspace, source, tmp_path / "out", preset=preset)
    converted(workspace, plain, tmp_path / "twin", preset=preset)
    assert tensors_of(tmp_path / "out") == tensors_of(tmp_path / "twin")
    assert (tmp_path / "out" / "config.json").read_bytes() == (tmp_path / "twin" / "config.json").read_bytes()
    (told,) = [finding for finding in findings if finding.code == "quantized_before"]
    assert str(numbers) in told.message


def test_layers_with_numbers_of_their_own_are_read_by_those(workspace: Workspace, tmp_path: Path) -> None:
    source, plain = quantized(tmp_path, NUMBERS["4 bits"], down_proj=NUMBERS["8 bits"], q_proj=False)
    for folder in (source, plain):
        converted(workspace, folder, tmp_path / f"{folder.name}-3", preset="3bit")
    assert tensors_of(tmp_path / "source-3") == tensors_of(tmp_path / "plain-3")


def test_its_size_and_memory_are_planned_to_the_byte(workspace: Workspace, tmp_path: Path) -> None:
    plans = [
        [workspace.plan(ConvertRequest(ref=str(folder), preset="3bit", output="out"), exact=exact) for exact in (0, 1)]
        for folder in quantized(tmp_path, NUMBERS["4 bits"])
    ]
    of_source, of_plain = ([one.outputs[0].weight_bytes for one in pair] for pair in plans)
    assert of_source == of_plain
    assert plans[0][1].peak_memory == plans[1][1].peak_memory + decoding_memory()


def test_the_numbers_that_it_has_already_are_refused_with_what_else_it_may_become(
    workspace: Workspace, tmp_path: Path
) -> None:
    source, _ = quantized(tmp_path, NUMBERS["4 bits"])
    with pytest.raises(PreflightFailed, match=r"quantized so already \(4 bit, group 64\)") as refused:
        workspace.convert(ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "out"), inline=True).result()
    assert refused.value.code == "already_mlx"
    assert refused.value.remedies == (SetOption("preset", "bf16"),)
    sizes = workspace.plan(ConvertRequest(ref=str(source), preset=("4bit", "bf16"), output=("a", "b")), exact=False)
    assert not sizes.errors


def test_layers_whose_numbers_config_does_not_tell_are_refused_by_name(workspace: Workspace, tmp_path: Path) -> None:
    source, _ = quantized(tmp_path, NUMBERS["4 bits"])
    store(source, tensors_of(source), quantization={"bits": 3, "group_size": 64}, quantization_config=None)
    plan = workspace.plan(ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "out"), exact=False)
    (error,) = plan.errors
    assert error.code == "already_mlx"
    assert "does not tell how model." in error.message


@pytest.mark.parametrize(("base", "steps"), [("org/base", (UseInstead("org/base"),)), ("no such thing", ())])
def test_the_model_that_it_was_made_from_is_offered_where_a_source_takes_it(
    workspace: Workspace, tmp_path: Path, base: str, steps: tuple[UseInstead, ...]
) -> None:
    source, _ = quantized(tmp_path, NUMBERS["4 bits"])
    (source / "README.md").write_text(f"---\nbase_model: {base}\n---\n")
    plan = workspace.plan(ConvertRequest(ref=str(source), preset="bf16", output="out"), exact=False)
    (told,) = [finding for finding in plan.findings if finding.code == "quantized_before"]
    assert told.remedies == steps


def test_a_class_that_takes_packed_layers_only_says_so_itself(workspace: Workspace, tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "source", "prism_hadamard_qwen35")
    request = ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "out")
    with pytest.raises(UnsupportedModel, match="Hadamard packs require 2-bit affine weights"):
        workspace.convert(request, inline=True).result()
