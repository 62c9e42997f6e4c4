"""The comparison finds every kind of difference."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from architectures.checkpoints import write_tiny
from architectures.compare import differences

LAYER = "model.layers.0.mlp.up_proj"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal folders, which pass for converted ones."""
    first = write_tiny(tmp_path / "reference", "llama")
    return first, shutil.copytree(first, tmp_path / "ours")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def quantized(**layers: object) -> dict[str, Any]:
    quantization = {
        "group_size": 64,
        "bits": 4,
        "mode": "affine",
        **{key.replace("__", "."): layers[key] for key in layers},
    }
    return {"quantization": quantization, "quantization_config": quantization}


def test_equal_folders_do_not_differ(folders: tuple[Path, Path]) -> None:
    assert differences(*folders) == []


def test_one_bit_of_one_tensor_is_found(folders: tuple[Path, Path]) -> None:
    shard = folders[1] / "model-00001-of-00002.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    (found,) = differences(*folders)
    assert found.endswith("other bytes")


def test_a_tensor_in_another_shard_is_found(folders: tuple[Path, Path]) -> None:
    one, two = (folders[1] / f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
    one.rename(folders[1] / "model.tmp")
    two.rename(one)
    (folders[1] / "model.tmp").rename(two)
    assert any(" in model-00002-of-00002.safetensors, not " in found for found in differences(*folders))


def test_a_lost_tensor_is_found(folders: tuple[Path, Path]) -> None:
    (folders[1] / "model-00002-of-00002.safetensors").unlink()
    assert any(found.startswith("tensors: missing") for found in differences(*folders))


def test_another_index_is_found(folders: tuple[Path, Path]) -> None:
    edit(folders[1] / "model.safetensors.index.json", lambda index: index["metadata"].update(total_size=1))
    assert differences(*folders) == ["index: metadata is {'total_size': 1}, not {}"]


def test_another_config_key_is_found(folders: tuple[Path, Path]) -> None:
    edit(folders[1] / "config.json", lambda config: config.update(rope_theta=1.0))
    assert differences(*folders) == ["config: rope_theta is 1.0, not 10000.0"]


def test_only_the_dtype_that_was_asked_for_may_be_named(folders: tuple[Path, Path]) -> None:
    edit(folders[1] / "config.json", lambda config: config.update(torch_dtype="float16"))
    assert differences(*folders, dtype="float16") == []
    assert differences(*folders, dtype="float32") == ["config: torch_dtype is float16, not bfloat16"]


@pytest.fixture
def with_scales(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal folders with a layer that is quantized."""
    import mlx.core as mx

    for name in ("reference", "ours"):
        (tmp_path / name).mkdir()
        tensors = {f"{LAYER}.weight": mx.zeros((2, 16), mx.uint32), f"{LAYER}.scales": mx.zeros((2, 2))}
        mx.save_safetensors(str(tmp_path / name / "model.safetensors"), tensors)
        (tmp_path / name / "model.safetensors.index.json").write_text("{}")
        (tmp_path / name / "config.json").write_text(json.dumps(quantized()))
    return tmp_path / "reference", tmp_path / "ours"


@pytest.mark.parametrize("entry", [{"bits": 4}, {"bits": 4, "group_size": None}, True, {"group_size": 64, "bits": 4}])
def test_an_entry_that_is_read_as_the_default_is_no_difference(with_scales: tuple[Path, Path], entry: object) -> None:
    edit(with_scales[1] / "config.json", lambda config: config.update(quantized(**{LAYER: entry})))
    assert differences(*with_scales) == []


@pytest.mark.parametrize("entry", [{"bits": 8}, {"bits": 4, "group_size": 32}, {"mode": "mxfp4"}])
def test_an_entry_that_is_read_otherwise_is_found(with_scales: tuple[Path, Path], entry: object) -> None:
    edit(with_scales[1] / "config.json", lambda config: config.update(quantized(**{LAYER: entry})))
    (found,) = differences(*with_scales)
    assert found.startswith(f"config: {LAYER} is read as ")


def test_an_entry_for_what_mlx_lm_infers_is_no_difference(with_scales: tuple[Path, Path]) -> None:
    edit(with_scales[0] / "config.json", lambda config: config.update(quantized(bits=8)))
    edit(with_scales[1] / "config.json", lambda config: config.update(quantized(bits=8, **{LAYER: {"bits": 4}})))
    assert differences(*with_scales) == []


def test_a_lost_quantization_config_is_found(folders: tuple[Path, Path]) -> None:
    edit(folders[0] / "config.json", lambda config: config.update(quantization_config={"quant_method": "bitnet"}))
    assert differences(*folders) == ["config: quantization_config is None, not {'quant_method': 'bitnet'}"]


def test_the_two_copies_of_the_quantization_must_agree(with_scales: tuple[Path, Path]) -> None:
    edit(with_scales[1] / "config.json", lambda config: config.update(quantization_config={"bits": 8}))
    assert differences(*with_scales) == ["config: quantization and quantization_config are not the same"]
