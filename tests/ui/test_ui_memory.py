"""A model that does not fit into memory: the pages that answer say so, and load it only when a person insists."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from mlx_convert_ui.state.studio import Studio
from samples.wide_cache import write_wide_cache
from simulated import fill, sees, until, visiting

pytestmark = pytest.mark.asyncio
LONG = {"max_tokens": 1_000_000, "temperature": 0.0}  # it ends at once, as its likeliest token says


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wide_cache(tmp_path_factory.mktemp("wide") / "wide-cache")


async def test_the_test_page_loads_it_when_a_person_insists(studio: Studio, wide: Path) -> None:
    async with visiting(studio, f"/test?model={wide}") as user:
        for name, value in LONG.items():
            await fill(user, name, value)
        user.find(marker="generate").click()
        await sees(user, "of memory:", "Load it anyway")
        user.find(marker="load-anyway").click()
        await sees(user, "First token after")


async def test_the_compare_page_insists_on_one_model_only(studio: Studio, wide: Path, tmp_path: Path) -> None:
    other = shutil.copytree(wide, tmp_path / "other", copy_function=os.link)
    studio.draft.compare = {"models": [str(wide), str(other)], "sampler": LONG}
    async with visiting(studio, "/compare") as user:
        user.find(marker="compare").click()
        await sees(user, "Load it anyway")
        first = studio.comparisons.current
        await until(lambda: not first.active)
        first.columns[0].view.insist()
        user.find(marker="compare").click()
        await until(lambda: studio.comparisons.current is not first and studio.comparisons.current.result() is not None)
        one, two = studio.comparisons.current.result().answers
        assert (one.error, two.error.code) == (None, "answer_memory")
