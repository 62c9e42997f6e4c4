"""A model that brings Python code of its own: the pages that answer ask before they run it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlx_convert_ui.state.studio import Studio
from samples.own_code import write_model_with_own_code
from simulated import fill, sees, until, visiting

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="session")
def _own_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model_with_own_code(tmp_path_factory.mktemp("own"))


@pytest.fixture
def model(_own_code: Path, tmp_path: Path) -> Path:
    return shutil.copytree(_own_code, tmp_path / "own-code")


async def test_the_test_page_runs_it_after_a_yes_and_not_after_a_no(studio: Studio, model: Path) -> None:
    async with visiting(studio, f"/test?model={model}") as user:
        await fill(user, "max_tokens", 1)
        user.find(marker="generate").click()
        await sees(user, "wants to run its own Python code", "Run its code …")
        user.find(marker="allow-code").click()
        await sees(user, "can do whatever you can")
        user.find(marker="cancel").click()
        assert not (model / "ran").exists()
        user.find(marker="allow-code").click()
        await sees(user, "can do whatever you can")
        user.find(marker="confirm").click()
        await sees(user, "First token after")
    assert (model / "ran").exists()


async def test_the_chat_page_asks_too(studio: Studio, model: Path) -> None:
    async with visiting(studio, f"/chat?model={model}") as user:
        await sees(user, "Send")
        await fill(user, "message", "hi")
        user.find(marker="message").trigger("keydown")
        await sees(user, "Run its code …")
        user.find(marker="allow-code").click()
        await sees(user, "can do whatever you can")
        user.find(marker="confirm").click()
        await until(lambda: (model / "ran").exists())


async def test_the_compare_page_allows_one_model_and_not_the_other(studio: Studio, model: Path, tmp_path: Path) -> None:
    other = shutil.copytree(model, tmp_path / "other")
    studio.draft.compare = {"models": [str(model), str(other)]}
    async with visiting(studio, "/compare") as user:
        user.find(marker="compare").click()
        await sees(user, "Run its code …")
        studio.comparisons.current.columns[0].view.allow()
        await until(lambda: not studio.comparisons.current.active)
        user.find(marker="compare").click()
        await until(lambda: (model / "ran").exists())
        await until(lambda: not studio.comparisons.current.active)
    assert not (other / "ran").exists()
