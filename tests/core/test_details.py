"""What is known of a converted model: its layers, files and card, and the others that were made of its source."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, LibraryEntry, Workspace
from mlx_convert_core.model.details import details_of
from mlx_convert_core.model.fit import BESIDE_WEIGHTS, Fit, cache_estimate, fit_into
from mlx_convert_core.model.safetensors import TensorInfo
from mlx_convert_core.model.stored_layers import error_rows, layer_rows, stored_layers

LLAMA = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}


@pytest.fixture(scope="module")
def converted(_tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[LibraryEntry, ...]:
    """Give the tiny checkpoint in two sizes; read only."""
    folder = tmp_path_factory.mktemp("details")
    outputs = (folder / "four", folder / "mixed")
    with Workspace(home=folder / "home") as workspace:
        request = ConvertRequest(ref=str(_tiny_llama), preset=("4bit", "mixed_4_6"), output=outputs, verify=False)
        workspace.convert(request).result()
        return tuple(workspace.find(output) for output in outputs)


def test_layers_are_counted_to_the_byte(converted: tuple[LibraryEntry, ...]) -> None:
    four, mixed = (details_of(entry, converted) for entry in converted)
    for details in (four, mixed):
        values = sum(layer.values for layer in details.layers)
        assert values == details.record.weights.parameters
        assert details.weight_bytes * 8 / values == pytest.approx(details.entry.bits_per_weight, rel=1e-3)
    assert {row.words for row in layer_rows(four.layers)} == {"4 bit, group 64"}
    assert {bits for row in layer_rows(mixed.layers) for bits in row.bits} == {4, 6}
    assert any(layer.vector and not layer.quantized for layer in four.layers)


def test_rows_tell_which_blocks_differ() -> None:
    config = {"quantization": {"bits": 4, "group_size": 64, "m.1.q": {"bits": 8, "group_size": 64}}}
    tensors = [_tensor("head.weight", "BF16", 8, 64)]
    for block in range(12):
        bits = 8 if block == 1 else 4
        tensors += [
            _tensor(f"m.{block}.q.weight", "U32", 8, 64 * bits // 32),
            _tensor(f"m.{block}.q.scales", "F16", 8, 1),
        ]
    head, row = layer_rows(stored_layers(tensors, config))
    assert (head.name, head.blocks, head.bits, head.words) == ("head.weight", (None,), (16,), "bfloat16")
    assert (row.name, row.blocks, row.bits[:3]) == ("m.*.q", tuple(range(12)), (4, 8, 4))
    assert row.words == "4 bit, group 64 in 11 blocks; 8 bit, group 64 in 1"


@pytest.mark.parametrize("quantization", [None, 4, {"bits": "4"}, {"bits": -1}, {"m": {"bits": 99}, "bits": []}])
def test_a_config_that_makes_no_sense_is_no_trouble(quantization: object) -> None:
    tensors = [_tensor("m.weight", "U32", 8, 8), _tensor("m.scales", "F16", 8, 1)]
    layers = stored_layers(tensors, {"quantization": quantization})
    assert [layer.bits for layer in layers] == [32, 16]


def test_files_are_compared_with_the_record(converted: tuple[LibraryEntry, ...], tmp_path: Path) -> None:
    folder = shutil.copytree(converted[0].path, tmp_path / "model")
    (folder / "notes.txt").write_text("mine")
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Hello\n")
    details = details_of(replace(converted[0], path=folder), ())
    states = {file.name: file.state for file in details.files}
    assert states["notes.txt"] == "added"
    assert states["config.json"] == "changed"
    assert states["model.safetensors"] == states["mlx_convert.json"] == "same"
    assert details.card == "# Hello"
    assert all(len(file.sha256) == 64 for file in details.files if file.name == "model.safetensors")


def test_a_vanished_model_has_details_too(converted: tuple[LibraryEntry, ...], tmp_path: Path) -> None:
    details = details_of(replace(converted[0], path=tmp_path / "gone"), converted)
    assert details.trouble
    assert not details.layers
    assert len(details.measured) == 3


def test_models_of_one_source_are_named_by_size(converted: tuple[LibraryEntry, ...]) -> None:
    stranger = replace(converted[0], path=Path("/elsewhere"), source="somebody/else")
    details = details_of(converted[1], (*converted, stranger))
    assert [one.entry.name for one in details.measured] == ["mixed", "four"]


def test_weights_cache_and_what_runs_beside_them_are_needed() -> None:
    found = fit_into((24_000_000_000, 20_000_000_000), 4_500_000_000, LLAMA)
    assert found.cache == 32 * 2 * 8 * 128 * 2 * 4096
    assert found.needed == 4_500_000_000 + found.cache + BESIDE_WEIGHTS
    assert (found.verdict, found.words) == ("runs", "Runs here")
    assert found.reason.endswith("this machine lends 24.0 GB.")


@pytest.mark.parametrize(("free", "lent", "verdict"), [(9, 10, "runs"), (4, 10, "tight"), (4, 4, "too_large")])
def test_what_is_not_free_is_tight_and_what_is_not_lent_too_large(free: int, lent: int, verdict: str) -> None:
    giga = 1_000_000_000
    found = Fit(weights=4 * giga, cache=0, context=4096, lent=lent * giga, free=free * giga)
    assert found.verdict == verdict


def test_errors_are_told_by_kinds_of_layers_the_largest_first() -> None:
    rows = error_rows({"lm_head": 0.1, "layers.0.up": 0.2, "layers.3.up": 0.5, "layers.0.down": 0.3})
    assert [(row.name, round(row.error, 6), row.worst) for row in rows] == [
        ("layers.*.up", 0.7, 3),
        ("layers.*.down", 0.3, 0),
        ("lm_head", 0.1, None),
    ]


def test_windows_compressed_keys_and_states_take_less() -> None:
    whole = cache_estimate(LLAMA, 32_768)
    sliding = {**LLAMA, "sliding_window": 1024, "layer_types": ["sliding_attention"] * 31 + ["full_attention"]}
    assert cache_estimate(sliding, 32_768) == whole // 32 + 31 * (whole // 32 // 32)
    assert cache_estimate({**LLAMA, "layer_types": ["linear_attention"] * 32}, 32_768) == 0
    assert cache_estimate({"kv_lora_rank": 512, "qk_rope_head_dim": 64, "num_hidden_layers": 2}, 10) == 2 * 576 * 2 * 10
    assert cache_estimate({"text_config": LLAMA}, 32_768) == whole


@pytest.mark.parametrize("value", [None, "8", -4, True, 1 << 40, 2.5, []])
def test_a_config_of_nonsense_costs_nothing(value: object) -> None:
    assert cache_estimate({**dict.fromkeys(LLAMA, value), "layer_types": value, "text_config": value}, 4096) == 0


def _tensor(name: str, dtype: str, *shape: int) -> TensorInfo:
    return TensorInfo(name=name, dtype=dtype, shape=shape)
