"""The Library page: a real model on disk, found, shown, exported, forgotten and deleted."""

from __future__ import annotations

import gc
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mlx_convert_ui.pages.library.table import AT_ONCE
from mlx_convert_ui.state.library_rows import LibraryRow
from mlx_convert_ui.state.studio import Studio
from models import shelved
from simulated import fill, sees, until, visiting

from mlx_convert_core import ConvertRequest, MeasureRequest

pytestmark = pytest.mark.asyncio


async def test_an_empty_library_names_the_first_step(studio: Studio) -> None:
    async with visiting(studio, "/library") as user:
        await sees(user, "No models yet", "Convert a model")


async def test_a_model_is_shown_with_its_figures_and_deleted_after_a_yes(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        await sees(user, entry.name, f"{entry.bits_per_weight:.2f}", "8 bit", "1 model ·", str(entry.path))
        user.find(marker="more").click()
        user.find(marker="menu-delete").click()
        await sees(user, f"Delete {entry.name}?", f"This frees {entry.size / 1e3:.0f} kB", "everything in it is gone")
        await sees(user, "README.md, config.json, generation_config.json, mlx_convert.json")
        user.find(marker="cancel").click()
        await user.should_not_see(f"Delete {entry.name}?", retries=50)
        assert entry.path.is_dir()
        user.find(marker="menu-delete").click()
        await sees(user, f"Delete {entry.name}?")
        user.find(marker="confirm").click()
        await sees(user, "No models yet")
    assert not entry.path.exists()


async def test_a_question_stays_while_a_new_model_joins(
    studio: Studio, tiny_model: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path, "old-model")
    async with visiting(studio, "/library") as user:
        user.find(marker="more").click()
        user.find(marker="menu-delete").click()
        await sees(user, "Delete old-model?")
        studio.convert(ConvertRequest(ref=str(tiny_llama), preset="4bit"))
        await sees(user, "tiny-llama-MLX-4bit")
        gc.collect()
        await sees(user, "Delete old-model?")
        user.find(marker="confirm").click()
        await until(lambda: not entry.path.exists())


async def test_a_model_is_forgotten_and_its_files_stay(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        user.find(marker="more").click()
        user.find(marker="menu-forget").click()
        await sees(user, "No models yet")
    assert entry.path.is_dir()


async def test_a_vanished_model_is_marked_and_can_be_forgotten(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    shutil.rmtree(entry.path)
    async with visiting(studio, "/library") as user:
        await sees(user, entry.name, "Missing")
        await user.should_not_see(marker="test")
        user.find(marker="forget").click()
        await sees(user, "No models yet")


async def test_what_can_not_be_deleted_is_said_before_anybody_is_asked(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    (entry.path / "notes.txt").write_text("precious")
    async with visiting(studio, "/library") as user:
        user.find(marker="more").click()
        user.find(marker="menu-delete").click()
        await sees(user, "is not deleted: it holds files that are not the model's (notes.txt)")
        await user.should_not_see(f"Delete {entry.name}?", retries=5)
    assert (entry.path / "notes.txt").read_text() == "precious"


async def test_a_model_that_took_an_older_ones_place_is_not_deleted_as_that(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    record = entry.path / "mlx_convert.json"
    record.write_text(record.read_text().replace(entry.created, "2026-01-01T00:00:00+00:00"))
    async with visiting(studio, "/library") as user:
        user.find(marker="more").click()
        user.find(marker="menu-delete").click()
        await sees(user, "it holds another model by now", "Have the library look at it again")
    assert entry.path.is_dir()


async def test_on_a_mac_a_model_goes_to_the_trash(
    studio: Studio, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlx_convert_ui.pages.library.page.has_trash", lambda: True)
    monkeypatch.setattr("mlx_convert_core.writing.removal.has_trash", lambda: True)
    monkeypatch.setattr("mlx_convert_core.writing.removal.move_to_trash", lambda path: path.rename(tmp_path / "Trash"))
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        user.find(marker="more").click()
        user.find(marker="menu-delete").click()
        await sees(user, "everything in it is in the Trash until you empty that", "Move to Trash")
        user.find(marker="confirm").click()
        await sees(user, "No models yet")
    assert (tmp_path / "Trash" / "config.json").is_file()
    assert not entry.path.exists()


async def test_models_of_another_tool_are_found_below_a_folder(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    copied = shutil.copytree(tiny_model, tmp_path / "elsewhere/publisher/other-model")
    (copied / "mlx_convert.json").unlink()
    (tmp_path / "nothing").mkdir()
    async with visiting(studio, "/library") as user:
        user.find(marker="add-folder").click()
        await sees(user, "Add models made elsewhere")
        user.find(marker="scan").click()
        await sees(user, "No folder is named.")
        await fill(user, "scan-path", "~nobody-here/models")
        user.find(marker="scan").click()
        await sees(user, "there is no user 'nobody-here'")
        await fill(user, "scan-path", str(tmp_path / "nothing"))
        user.find(marker="scan").click()
        await sees(user, f"There is no MLX model in {tmp_path / 'nothing'}.")
        await fill(user, "scan-path", str(tmp_path / "elsewhere"))
        shutil.copytree(copied, damaged := tmp_path / "elsewhere/publisher/damaged")
        (damaged / "config.json").write_text("[]")
        user.find(marker="scan").click()
        await sees(user, "other-model", "made elsewhere", f"{damaged} is left out")
    assert [entry.path for entry in studio.entries()] == [copied]


async def test_the_recipe_is_exported_as_a_file(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        user.find(marker="more").click()
        user.find(marker="menu-export-recipe").click()
        await until(lambda: user.download.http_responses)
        recipe = json.loads(user.download.http_responses[0].content)
        assert [output["preset"] for output in recipe["outputs"]] == ["8bit"]
        (entry.path / "mlx_convert.json").unlink()
        user.find(marker="menu-export-recipe").click()
        await sees(user, f"{entry.name} does not say how it was made", "Only models that mlx-convert made")


async def test_many_models_are_searched_and_shown_in_parts(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    for number in range(AT_ONCE + 4):
        studio.workspace.library.add(replace(entry, name=f"model-{number:02}", path=tmp_path / f"model-{number:02}"))
    async with visiting(studio, "/library") as user:
        await sees(user, f"1–{AT_ONCE} of {AT_ONCE + 5}")
        assert len(user.find(marker="row").elements) == AT_ONCE
        user.find(marker="older").click()
        await sees(user, f"{AT_ONCE + 1}–{AT_ONCE + 5} of {AT_ONCE + 5}", entry.name)
        assert len(user.find(marker="row").elements) == 5
        await fill(user, "search", "model-07")
        await until(lambda: len(user.find(marker="row").elements) == 1)
        await fill(user, "search", "zebra")
        await sees(user, "Nothing found")
        await fill(user, "search", "")
        await sees(user, f"1–{AT_ONCE} of {AT_ONCE + 5}")


async def test_a_model_is_measured_and_its_row_says_how_close_it_is(
    studio: Studio, tiny_model: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    text = Path(__file__).parents[2] / "CONTRIBUTING.md"
    asked = MeasureRequest(against=str(tiny_llama), text=str(text), tokens=512)
    async with visiting(studio, "/library") as user:
        studio.measure(entry.path, asked)
        await sees(
            user, "Hardly to be told from its source.", "95 % interval", "Same likeliest word", "against tiny-llama"
        )
        row = LibraryRow(entry=studio.workspace.find(entry.path), missing=False)
        assert row.proof.startswith("KL divergence ")
        await sees(user, row.proof, row.measured)
        user.find(marker="dismiss-measuring").click()
        await user.should_not_see("95 % interval", retries=50)


async def test_what_can_not_be_measured_says_why_on_the_page(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    shelved(studio.workspace, tiny_model, tmp_path)
    (tmp_path / "short.txt").write_text("Too short.")
    async with visiting(studio, "/library") as user:
        user.find(marker="more").click()
        studio.measure(tiny_model, MeasureRequest(text=str(tmp_path / "short.txt")))
        await sees(user, "measuring takes", "Failed")
        user.find(marker="measure-again").click()
        await sees(user, "Failed")


async def test_tasks_are_measured_from_the_menu_of_a_model(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    (tmp_path / "own.jsonl").write_text('{"prompt": "A small", "choices": ["model", "dog"], "answer": 0}')
    async with visiting(studio, "/library") as user:
        user.find(marker="more").click()
        await sees(user, "Measure tasks")
        studio.measure(entry.path, MeasureRequest(tasks=str(tmp_path / "own.jsonl")))
        await sees(user, "Right choice, by length", "1 question of “own.jsonl”")


async def test_the_speed_of_a_model_is_measured_from_its_menu(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        user.find(marker="more").click()
        user.find(marker="menu-measure-speed").click()
        await sees(user, "Reading it", "peak memory")
        await sees(user, "tokens/s ")
