"""Which models of a library are looked at, and in which order."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import LibraryEntry, LibraryQuery
from mlx_convert_core.plugin import condition_of, entry_of

MODEL = LibraryEntry(
    name="model-1", path=Path("/models/1"), size=1_000, bits_per_weight=4.5, quantization="4 bit", created="2026-01-01"
)
OTHER = replace(
    MODEL,
    name="model-10",
    size=3_000,
    bits_per_weight=8.5,
    quantization="8 bit",
    source="org/base",
    created="2026-03-01",
)
THIRD = replace(
    MODEL,
    name="Model-2",
    size=2_000,
    source="org/base",
    created="2026-02-01",
    measurements={"quality": {"kl_mean": 0.02, "text": "bundled-1"}},
)
MEASURED = replace(MODEL, name="model-3", measurements={"quality": {"kl_mean": 0.5}}, created="2025-01-01")
ALL = (MODEL, OTHER, THIRD, MEASURED)


def test_models_come_newest_largest_nearest_or_by_name_first() -> None:
    assert LibraryQuery().of(ALL) == (OTHER, THIRD, MODEL, MEASURED)
    assert LibraryQuery(order="size").of(ALL)[:2] == (OTHER, THIRD)
    assert LibraryQuery(order="name").of(ALL) == (MODEL, THIRD, MEASURED, OTHER)  # 10 after 2 and 3
    assert LibraryQuery(order="quantization").of(ALL)[-1] == OTHER
    assert LibraryQuery(order="size", reverse=True).of(ALL)[-1] == OTHER


def test_what_was_not_measured_comes_last_either_way() -> None:
    assert LibraryQuery(order="kl").of(ALL) == (THIRD, MEASURED, MODEL, OTHER)
    assert LibraryQuery(order="kl", reverse=True).of(ALL) == (MEASURED, THIRD, MODEL, OTHER)


def test_models_are_picked_out_by_what_is_known_of_them() -> None:
    assert LibraryQuery(source="org/base").of(ALL) == (OTHER, THIRD)
    assert LibraryQuery(source="org/base", quantization="4 bit").of(ALL) == (THIRD,)
    assert LibraryQuery(larger_than=1_000, smaller_than=3_000).of(ALL) == (THIRD,)
    assert LibraryQuery(since="2026-02-01").of(ALL) == (OTHER, THIRD)
    assert LibraryQuery(words="BASE 8").of(ALL) == (OTHER,)
    assert LibraryQuery(words="BASE 8").asks
    assert not LibraryQuery(order="name", words=" ").asks


def test_a_model_is_whole_changed_damaged_or_missing(tmp_path: Path) -> None:
    folder = write_mlx_folder(tmp_path / "made")
    entry = entry_of(folder)
    assert entry is not None
    assert condition_of(entry) == "whole"
    assert condition_of(replace(entry, verified=("loads",), verified_stamp="of other files")) == "changed"
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-2.safetensors"}}))
    assert condition_of(entry) == "damaged"
    (folder / "config.json").unlink()
    assert condition_of(entry) == "missing"
    assert condition_of(replace(entry, path=tmp_path / "nowhere")) == "missing"
