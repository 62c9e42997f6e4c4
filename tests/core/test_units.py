"""Sizes, times and rates read alike in every frontend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlx_convert_core.plugin import units

ROOT = Path(__file__).parents[2]
OWN_ARITHMETIC = re.compile(r"/ ?1e[3-9]|/ ?1_000_000|\} ?[kMGT]B\b|\} tokens/s|\} bits per weight")


@pytest.mark.parametrize(
    ("nbytes", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.00 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (9_994_999, "9.99 MB"),
        (9_996_000, "10.0 MB"),
        (75_790_656, "75.8 MB"),
        (99_960_000, "100 MB"),
        (269_060_381, "269 MB"),
        (2_471_645_608, "2.47 GB"),
        (4_531_000_000, "4.53 GB"),
        (1.4e15, "1400 TB"),
    ],
)
def test_sizes_are_decimal_with_three_digits(nbytes: float, words: str) -> None:
    assert units.size(nbytes) == words


@pytest.mark.parametrize(
    ("done", "total", "words"),
    [
        (30_120_000, 75_790_656, "30.1 of 75.8 MB"),
        (0, 2_471_645_608, "0.00 of 2.47 GB"),
        (5, 999, "5 of 999 bytes"),
        (12_900_000_000, 17_179_869_184, "12.9 of 17.2 GB"),
    ],
)
def test_a_part_is_told_in_the_unit_of_the_whole(done: float, total: float, words: str) -> None:
    assert units.size_of(done, total) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (3720, "1 h 02 min"),
    ],
)
def test_times_are_in_seconds_minutes_and_hours(seconds: float, words: str) -> None:
    assert units.duration(seconds) == words


def test_counts_and_rates() -> None:
    assert [units.count(value) for value in (900, 134_515_008, 1_235_814_400)] == ["900", "135 M", "1.24 B"]
    assert units.bits_per_weight(4.5) == "4.50 bits per weight"
    assert units.speed(12.34) == "12.3 tokens/s"


def test_nothing_makes_such_words_elsewhere() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for root in ("mlx_convert_core", "plugins", "frontends")
        for path in (ROOT / root).rglob("*.py")
        if path.name != "units.py"
        for line in path.read_text().splitlines()
        if OWN_ARITHMETIC.search(line) and "units." not in line and not line.lstrip().startswith("#")
    ]
    assert found == []
