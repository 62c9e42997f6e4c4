"""The Compare page, as a simulated user sees it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from browser.models import scripted_model
from mlx_convert_ui.state.compared import as_csv, as_json, markdown
from mlx_convert_ui.state.comparisons import token_at
from mlx_convert_ui.state.studio import Studio
from model_menu import shown
from models import shelved
from simulated import fill, sees, until, visiting

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("scripted")]
Speaker = Callable[..., Path]


@pytest.fixture
def speaker(studio: Studio, tiny_model: Path, tmp_path: Path) -> Speaker:
    """Make models of the library that say certain pieces."""

    def make(name: str, *pieces: str, hold_at: int | None = None) -> Path:
        path = scripted_model(tiny_model, tmp_path / name, pieces, hold_at=hold_at)
        studio.workspace.scan(path)
        return path

    return make


async def test_answers_stand_side_by_side_and_say_where_they_part(studio: Studio, speaker: Speaker) -> None:
    red = speaker("red", "The ", "sky ", "is ", "red ", "today.")
    blue = speaker("blue", "The ", "sky ", "is ", "blue ", "today.")
    short = speaker("short", "The ", "sky ")
    async with visiting(studio, f"/compare?model={red}") as user:
        await sees(user, "Nothing compared yet")
        studio.draft.compare = {"models": [str(red), str(blue), str(red), str(short)]}
        await user.open("/compare")
        await fill(user, "seed", 11)
        user.find(marker="compare").click()
        await sees(user, "Differs from model 1 after 3 words: “blue”.", "Exactly the same answer.")
        await sees(user, "Ends after 2 words, where model 1 goes on.", "The mark shows where")
        await sees(user, "Seed 11", "bits per weight", "Speed", "Peak memory")
        await sees(user, "Differs from model 1", "After 3 words", "Nowhere", "60%")
        await user.open("/compare")
        await sees(user, "Differs from model 1 after 3 words: “blue”.", "Seed 11")
    current = studio.comparisons.current
    assert current is not None
    rows = list(csv.DictReader(io.StringIO(as_csv(current))))
    assert [(row["short"], row["words_alike"], row["same"]) for row in rows] == [
        *(("red", "5", "True"), ("blue", "3", "False"), ("red", "5", "True"), ("short", "2", "False"))
    ]
    stored = json.loads(as_json(current))
    assert (stored["request"]["seed"], stored["models"][1]["answer"]) == (11, "The sky is blue today.")
    assert str(red.parent) not in as_json(current) + markdown(current)  # nothing of where models are kept
    assert "| blue |" in markdown(current)
    assert [column.view.request.seed for column in current.columns] == [11] * 4
    assert (current.first_parting(), current.parting(1), current.parting(2), current.parting(3)) == (8, 11, None, 8)
    assert token_at(current.columns[1].view, 11) == (11, 16)


async def test_answers_that_differ_at_once_say_so(studio: Studio, speaker: Speaker) -> None:
    first, second = speaker("first", "The ", "sky."), speaker("second", "A ", "sky.")
    studio.draft.compare = {"models": [str(first), str(second)]}
    async with visiting(studio, "/compare") as user:
        user.find(marker="compare").click()
        await sees(user, "Differs from model 1 from the first word on: “A”.", "At the first word")


async def test_one_column_may_fail_and_the_others_answer(studio: Studio, speaker: Speaker) -> None:
    well = speaker("well", "Fine.")
    broken = speaker("broken", "Never said.")
    (broken / "script.json").write_text("{}")
    studio.draft.compare = {"models": [str(well), str(broken)]}
    async with visiting(studio, "/compare") as user:
        user.find(marker="compare").click()
        await sees(user, "Failed", "pieces", "Speed", "Compare")
    assert studio.comparisons.current is not None
    assert studio.comparisons.current.columns[0].view.text == "Fine."


async def test_a_comparison_goes_on_over_a_reload_and_can_be_stopped(
    studio: Studio, speaker: Speaker, held: Path
) -> None:
    studio.draft.compare = {"models": [str(speaker(name, "One ", "two", hold_at=1)) for name in ("a", "b")]}
    async with visiting(studio, "/compare") as user:
        user.find(marker="compare").click()
        await sees(user, "Stop", "Answering")
        await user.open("/compare")
        await sees(user, "Stop", "Answering")
        user.find(marker="compare").click()
        await sees(user, "Stopped")
        await until(lambda: studio.comparisons.current is not None and not studio.comparisons.current.active)
    held.unlink()


async def test_two_to_four_models_can_be_chosen(studio: Studio, speaker: Speaker) -> None:
    newest = [str(speaker(name, "x")) for name in ("a", "b", "c")][::-1]
    async with visiting(studio, "/compare") as user:
        assert studio.draft.compare == {}
        user.find(marker="add-model").click()
        user.find(marker="add-model").click()
        assert studio.draft.compare["models"] == [*newest, ""]
        await user.should_not_see("Add a model")
        user.find(marker="remove1").click()
        assert studio.draft.compare["models"] == [newest[0], newest[2], ""]
        user.find(marker="compare").click()
        await sees(user, "No model is chosen")
        user.find(marker="remove2").click()
        await user.should_not_see(marker="remove0")
        shutil.rmtree(newest[2])
        user.find(marker="compare").click()
        await sees(user, "is no converted model", "Give the folder of a converted model")
    assert studio.comparisons.current is None


async def test_the_first_step_is_named_when_there_are_no_models(studio: Studio) -> None:
    async with visiting(studio, "/compare") as user:
        await sees(user, "Convert a model with two presets", "Convert a model")


async def test_the_models_that_an_address_names_are_chosen(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    models = [shelved(studio.workspace, tiny_model, tmp_path, f"model-{name}") for name in "abcd"]
    query = "&".join(f"model={quote(str(entry.path))}" for entry in models[1:])
    async with visiting(studio, f"/compare?{query}") as user:
        for place, entry in enumerate(models[1:]):
            assert shown(user, f"model{place}") == entry.name
