"""The same model under other names converts to the same files; names that can't be led back are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architectures.checkpoints import mlx_specs, write_tiny
from random_llama import write_llama
from stored import Stored, converted, planned, store, tensors_of

from mlx_convert_core import MlxConvertError, Workspace

RENAMED: dict[str, Callable[[str], str]] = {
    "torch.compile": lambda name: f"_orig_mod.{name}",
    "data parallel": lambda name: f"module.{name}",
    "compiled layer by layer": lambda name: name.replace(".0.", ".0._orig_mod.").replace(".1.", ".1._orig_mod."),
    "sharded training": lambda name: f"_fsdp_wrapped_module.{name}".replace(".mlp.", "._fsdp_wrapped_module.mlp."),
    "a trainer's own word": lambda name: f"actor.policy.{name}",
    "without what leads": lambda name: name.removeprefix("model."),
    "the text part of a model for pictures": lambda name: name.replace("model.", "model.language_model."),
    "the same, older": lambda name: f"language_model.{name}",
    "another word for the trunk": lambda name: name.replace("model.", "transformer."),
}


@pytest.mark.parametrize("rename", RENAMED.values(), ids=list(RENAMED))
@pytest.mark.parametrize("tied", [True, False])
def test_a_plain_renaming_is_undone(
    workspace: Workspace, tmp_path: Path, rename: Callable[[str], str], tied: bool
) -> None:
    plain = write_llama(tmp_path / "plain", tie_word_embeddings=tied)
    tensors = tensors_of(plain)
    if not tied:
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
        store(plain, tensors)
    source = store(
        write_llama(tmp_path / "source", tie_word_embeddings=tied),
        {rename(name): one for name, one in tensors.items()},
    )
    converted(workspace, plain, tmp_path / "expected")
    findings = converted(workspace, source, tmp_path / "out")
    assert tensors_of(tmp_path / "out") == tensors_of(tmp_path / "expected")
    (told,) = [one for one in findings if one.code == "renamed"]
    assert told.level == "info"


def test_names_that_fit_are_not_talked_about(workspace: Workspace, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    assert "renamed" not in [one.code for one in converted(workspace, source, tmp_path / "out")]


def test_a_model_for_pictures_in_the_newer_layout(workspace: Workspace, tmp_path: Path) -> None:
    plain = write_tiny(tmp_path / "plain", "gemma3")
    source = write_tiny(tmp_path / "source", "gemma3")
    tensors = tensors_of(plain)
    moved = {"model." + name.replace("language_model.model.", "language_model."): one for name, one in tensors.items()}
    assert any(name.startswith("model.language_model.layers.") for name in moved)
    store(source, moved)
    converted(workspace, plain, tmp_path / "expected")
    converted(workspace, source, tmp_path / "out")
    assert tensors_of(tmp_path / "out") == tensors_of(tmp_path / "expected")


def test_names_of_another_kind_are_told_with_both_layouts(workspace: Workspace, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    tensors = {
        name.replace("model.layers", "net.blocks").replace("_proj", ""): one for name, one in tensors_of(source).items()
    }
    store(source, tensors)
    with pytest.raises(MlxConvertError) as caught:
        planned(workspace, source)
    assert caught.value.code == "names"
    assert "net.blocks.0" in caught.value.message
    assert "model.layers.0" in caught.value.message
    assert "newer mlx-lm" not in caught.value.hint


def test_a_renaming_never_hides_that_a_tensor_is_missing(workspace: Workspace, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    tensors = {f"_orig_mod.{name}": one for name, one in tensors_of(source).items() if "up_proj" not in name}
    store(source, tensors)
    with pytest.raises(MlxConvertError) as caught:
        planned(workspace, source)
    assert caught.value.code != "unexpected"


def test_plain_experts_of_gpt_oss_convert(workspace: Workspace, tmp_path: Path) -> None:
    """transformers saves them with the inputs first, gate and up in turns: (experts, inputs, 2 outputs)."""
    plain, source = (write_tiny(tmp_path / name, "gpt_oss") for name in ("plain", "source"))
    of_mlx, of_transformers = {}, {}
    numbers = np.random.default_rng(5)
    for name, (shape, dtype) in mlx_specs("gpt_oss").items():
        if ".experts.up_proj." in name:
            continue
        values = numbers.standard_normal(shape, dtype=np.float32) * 0.05
        of_mlx[name] = Stored(dtype, shape, bits(values))
        if ".experts.gate_proj." in name:
            up = numbers.standard_normal(shape, dtype=np.float32) * 0.05
            of_mlx[name.replace("gate", "up")] = Stored(dtype, shape, bits(up))
            values = np.stack([values, up], axis=2).reshape(shape[0], 2 * shape[1], *shape[2:])
        if ".experts." in name:
            values = values.swapaxes(-1, -2) if name.endswith(".weight") else values
            name = name.replace("gate_proj", "gate_up_proj").replace(".bias", "_bias").removesuffix(".weight")
        of_transformers[name] = Stored(dtype, values.shape, bits(values))
    of_mlx = {name: of_mlx[name] for name in mlx_specs("gpt_oss")}
    store(plain, of_mlx, quantization_config=None)
    store(source, of_transformers, quantization_config={"quant_method": "mxfp4"})
    converted(workspace, plain, tmp_path / "expected")
    converted(workspace, source, tmp_path / "out")
    assert tensors_of(tmp_path / "out") == tensors_of(tmp_path / "expected")


def bits(values: np.ndarray[Any, Any]) -> bytes:
    return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
