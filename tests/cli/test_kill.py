"""SIGKILL at any moment leaves nothing to be seen, and the next run succeeds: a sample of `make kill`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture
def kill_module() -> Iterator[object]:
    """The script of `make kill`."""
    sys.path.insert(0, BENCHMARKS)
    import kill

    yield kill
    sys.path.remove(BENCHMARKS)


@pytest.mark.parametrize(("count", "seed"), [(3, 1), pytest.param(20, 9, marks=pytest.mark.slow)])
def test_a_killed_conversion_leaves_nothing_and_the_next_one_succeeds(
    kill_module: object, tiny_llama: Path, tmp_path: Path, count: int, seed: int
) -> None:
    done = list(kill_module.kills(tiny_llama, tmp_path / "runs", count=count, seed=seed))  # type: ignore[attr-defined]
    assert sum(killed.died for killed in done) == count
    assert [f"{killed.moment}: {killed.problems}" for killed in done if killed.problems] == []


def test_the_check_itself_sees_what_a_kill_might_leave(kill_module: object, tmp_path: Path) -> None:
    place = kill_module.Place(tmp_path, tmp_path / "source")  # type: ignore[attr-defined]
    whole, other = place.outputs
    contents = ["digest", "digest"]
    for folder in (whole, other.with_name("half"), whole.with_name(f".{whole.name}.partial-1234")):
        folder.mkdir(parents=True)
    seen = kill_module.visible(place, contents)  # type: ignore[attr-defined]
    assert seen == ["out-4bit is not what an undisturbed run makes", "half is left"]
    seen = kill_module.visible(place, contents, whole=True)  # type: ignore[attr-defined]
    assert sorted(seen) == [
        ".out-4bit.partial-1234 is left after the next run",
        "half is left after the next run",
        "out-4bit is not what an undisturbed run makes",
        "out-8bit is missing",
    ]
