"""Which models of a library are looked at, and in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mlx_convert_core import LibraryEntry, LibraryQuery

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
