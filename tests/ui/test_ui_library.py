"""The Library page: a real model on disk, found, shown, exported, forgotten and deleted."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from library_list import act, choose, lines, names, pick, sort
from mlx_convert_ui.pages.library import removing
from mlx_convert_ui.state.library_rows import LibraryRow
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.measuring import REFRESH_SECONDS
from models import shelved
from simulated import fill, sees, until, visiting

from mlx_convert_core import ConvertRequest, InvalidRequest, LibraryEntry, MeasureRequest

pytestmark = pytest.mark.asyncio


async def test_an_empty_library_names_the_first_step(studio: Studio) -> None:
    async with visiting(studio, "/library") as user:
        await sees(user, "No models yet", "Convert a model")


async def test_a_model_is_shown_with_its_figures_and_deleted_after_a_yes(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        await sees(user, "1 model ·")
        (line,) = lines(user)
        assert (line["name"], line["path"], line["missing"]) == (entry.name, str(entry.path), False)
        assert line["quantization"]["text"] == "8 bit"
        assert line["quantization"]["more"] == f"{entry.bits_per_weight:.2f} bits per weight"
        act(user, "more")
        user.find(marker="menu-delete").click()
        await sees(
            user, f"Delete {entry.name}?", f"This frees {entry.size / 1e3:.0f} kB", "everything in it is deleted"
        )
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
        act(user, "more")
        user.find(marker="menu-delete").click()
        await sees(user, "Delete old-model?")
        studio.convert(ConvertRequest(ref=str(tiny_llama), preset="4bit"))
        await until(lambda: "tiny-llama-MLX-4bit" in names(user))
        gc.collect()
        await sees(user, "Delete old-model?")
        user.find(marker="confirm").click()
        await until(lambda: not entry.path.exists())


async def test_a_model_is_forgotten_and_its_files_stay(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        act(user, "more")
        user.find(marker="menu-forget").click()
        await sees(user, "No models yet")
    assert entry.path.is_dir()


async def test_a_vanished_model_is_marked_and_can_be_forgotten(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    shutil.rmtree(entry.path)
    async with visiting(studio, "/library") as user:
        (line,) = lines(user)
        assert (line["name"], line["missing"], line["badges"][0]["text"]) == (entry.name, True, "Missing")
        assert line["about"].startswith(f"{entry.path} · ")
        act(user, "forget")
        await sees(user, "No models yet")


async def test_what_can_not_be_deleted_is_said_before_anybody_is_asked(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    (entry.path / "notes.txt").write_text("precious")
    async with visiting(studio, "/library") as user:
        act(user, "more")
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
        act(user, "more")
        user.find(marker="menu-delete").click()
        await sees(user, "it holds another model by now", "Have the library look at it again")
    assert entry.path.is_dir()


async def test_on_a_mac_a_model_goes_to_the_trash(
    studio: Studio, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removing, "has_trash", lambda: True)
    monkeypatch.setattr("mlx_convert_core.writing.removal.has_trash", lambda: True)
    monkeypatch.setattr("mlx_convert_core.writing.removal.move_to_trash", lambda path: path.rename(tmp_path / "Trash"))
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        act(user, "more")
        user.find(marker="menu-delete").click()
        await sees(user, "everything in it stays in the Trash until you empty it", "Move to Trash")
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
        await sees(user, f"{damaged} is left out")
        assert names(user) == ["other-model"]
        assert lines(user)[0]["about"] == "made elsewhere"
    assert [entry.path for entry in studio.entries()] == [copied]


async def test_the_recipe_is_exported_as_a_file(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        act(user, "more")
        user.find(marker="menu-export-recipe").click()
        await until(lambda: user.download.http_responses)
        recipe = json.loads(user.download.http_responses[0].content)
        assert [output["preset"] for output in recipe["outputs"]] == ["8bit"]
        (entry.path / "mlx_convert.json").unlink()
        user.find(marker="menu-export-recipe").click()
        await sees(user, f"{entry.name} does not say how it was made", "Only models that mlx-convert made")


@pytest.fixture
def many(studio: Studio, tiny_model: Path, tmp_path: Path) -> tuple[LibraryEntry, ...]:
    """Give a library of 60 models that have vanished, made of two sources, and the one that is there."""
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    for number in range(60):
        studio.workspace.library.add(
            replace(
                entry,
                name=f"model-{number}",
                path=tmp_path / f"model-{number}",
                source=f"org/base-{number % 2}",
                size=(number + 1) * 10**8,
                created=f"2025-01-01T00:00:{number:02}+00:00",
                quantization="4 bit" if number % 3 else "8 bit",
                measurements={"quality": {"kl_mean": 0.5 - number / 1000}} if number < 3 else {},
            )
        )
    return studio.workspace.library.entries()


async def test_many_models_are_searched_and_only_the_first_are_sent(
    studio: Studio, many: tuple[LibraryEntry, ...]
) -> None:
    async with visiting(studio, "/library") as user:
        await sees(user, "61 models · ")
        assert names(user) == [entry.name for entry in many[:50]]
        await fill(user, "search", "model-7")
        await until(lambda: names(user) == ["model-7"])
        await sees(user, "1 of 61 models · 0 bytes")
        await fill(user, "search", "zebra")
        await sees(user, "Nothing found", "No model here has “zebra” in its name or source.")
        user.find(marker="clear-filters").click()
        await until(lambda: len(names(user)) == 50)


async def test_models_are_sorted_filtered_and_grouped_as_the_address_says(
    studio: Studio, many: tuple[LibraryEntry, ...]
) -> None:
    async with visiting(studio, "/library?source=org/base-0&quantization=4 bit&state=missing&sort=size") as user:
        assert names(user)[:2] == ["model-58", "model-56"]
        await sees(user, "20 of 61 models · 0 bytes")
        sort(user, "size")
        await until(lambda: names(user)[:2] == ["model-2", "model-4"])
        sort(user, "kl")
        await until(lambda: names(user)[0] == "model-2")
        user.find(marker="clear-filters").click()
        sort(user, "name")
        await until(lambda: names(user)[:3] == ["model-0", "model-1", "model-2"])
        user.find(marker="group").click()
        await until(lambda: names(user)[:3] == ["org/base-0", "model-0", "model-2"])
        assert lines(user)[0]["about"] == "30 models · 0 bytes"
    async with visiting(studio, "/library?size=-1&sort=nonsense&state=nonsense&days=x") as user:
        assert names(user)[1:3] == ["model-8", "model-7"]


async def test_what_is_selected_is_said_and_forgotten_after_one_question(
    studio: Studio, many: tuple[LibraryEntry, ...]
) -> None:
    async with visiting(studio, "/library?sort=name&q=model-") as user:
        pick(user, 0)
        await sees(user, "1 model selected · 0 bytes")
        pick(user, 0, 2)
        await sees(user, "3 models selected · 0 bytes")
        pick(user, 2, on=False)
        await sees(user, "2 models selected · 0 bytes")
        user.find(marker="selected-forget").click()
        await sees(user, "Forget 2 models?", "model-0\nmodel-1")
        user.find(marker="confirm").click()
        await until(lambda: names(user)[0] == "model-2")
        await sees(user, "Nothing is selected")
    assert len(studio.workspace.library.entries()) == 59


async def test_several_models_are_deleted_after_one_question_that_says_what_stays(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    first, second, third = (shelved(studio.workspace, tiny_model, tmp_path, f"model-{name}") for name in "abc")
    (second.path / "notes.txt").write_text("precious")
    async with visiting(studio, "/library?sort=name") as user:
        pick(user, 0, 2)
        user.find(marker="selected-delete").click()
        await sees(user, "Delete 2 models?", f"This frees {2 * first.size / 1e3:.0f} kB", str(first.path))
        await sees(user, "1 model stays:", "it holds files that are not the model's (notes.txt)")
        user.find(marker="confirm").click()
        await until(lambda: names(user) == ["model-b"])
    assert not first.path.exists()
    assert not third.path.exists()
    assert (second.path / "notes.txt").read_text() == "precious"


async def test_several_models_are_compared_and_sent(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    models = [shelved(studio.workspace, tiny_model, tmp_path, f"model-{name}") for name in "abcde"]
    (tmp_path / "elsewhere").mkdir()
    async with visiting(studio, "/library?sort=name") as user:
        pick(user, 0, 4)
        (compare,) = user.find(marker="selected-compare").elements
        assert compare.props["disabled"]
        user.find(marker="selected-upload").click()
        await sees(user, "Upload 5 models")
        choose(user, "upload-target", "hub")
        await sees(user, "A repo of yours on Hugging Face")
        choose(user, "upload-target", "folder")
        await fill(user, "upload-names", str(tmp_path / "elsewhere"))
        await sees(user, "5 ready")
        await fill(user, "upload-names", str(tmp_path / "elsewhere/one"))
        await sees(user, "Several models would be called", "Write {name} where each model's own name goes.")
        assert len(user.find("Several models would be called").elements) == 1  # said once, with their names
        await sees(user, "model-a, model-b, model-c, model-d, model-e")
        await fill(user, "upload-names", str(tmp_path / "elsewhere/copy-of-{name}"))
        await sees(user, "5 ready")
        user.find(marker="start-uploads").click()
        await until(lambda: len(list((tmp_path / "elsewhere").glob("copy-of-model-*/config.json"))) == 5)
        pick(user, 0, 4, on=False)
        pick(user, 1, 2)
        user.find(marker="selected-compare").click()
        await sees(user, "Ask several models the same")
        assert studio.entries()[0].path == models[-1].path


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
        await until(lambda: lines(user)[0]["about"] == f"{row.origin} · {row.measured} · {row.proof}")
        user.find(marker="dismiss-measuring").click()
        await user.should_not_see("95 % interval", retries=50)


async def test_what_can_not_be_measured_says_why_on_the_page(
    studio: Studio, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelved(studio.workspace, tiny_model, tmp_path)
    (tmp_path / "short.txt").write_text("Too short.")
    async with visiting(studio, "/library") as user:
        act(user, "more")
        studio.measure(tiny_model, MeasureRequest(text=str(tmp_path / "short.txt")))
        await sees(user, "measuring takes", "Failed")
        (first,) = studio.views.of("measure")
        user.find(marker="measure-again").click()
        await until(lambda: all(view is not first and view.state.final for view in studio.views.of("measure")))
        await asyncio.sleep(2 * REFRESH_SECONDS)
        await sees(user, "Failed")
        monkeypatch.setattr(studio, "measure", gone)
        user.find(marker="measure-again").click()
        await sees(user, "It is gone.", "Failed")
        assert len(studio.views.of("measure")) == 1  # what could not begin takes nothing away


def gone(*_: object) -> None:
    raise InvalidRequest("it is gone.", hint="Choose another.")


async def test_tasks_are_measured_from_the_menu_of_a_model(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    (tmp_path / "own.jsonl").write_text('{"prompt": "A small", "choices": ["model", "dog"], "answer": 0}')
    async with visiting(studio, "/library") as user:
        act(user, "more")
        await sees(user, "Measure tasks")
        studio.measure(entry.path, MeasureRequest(tasks=str(tmp_path / "own.jsonl")))
        await sees(user, "Right choice, by length", "1 question of “own.jsonl”")


async def test_the_speed_of_a_model_is_measured_from_its_menu(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        act(user, "more")
        user.find(marker="menu-measure-speed").click()
        await sees(user, "Reading it", "peak memory")
        await until(lambda: "tokens/s " in lines(user)[0]["about"])
