"""The upload dialog, with the built-in target that copies into a folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from library_list import act
from mlx_convert_ui.state.studio import Studio
from models import shelved
from nicegui import ElementFilter
from samples.mlx_folder import write_mlx_folder
from simulated import fill, sees, until, visiting

from mlx_convert_core import InvalidRequest, LibraryEntry, UploadRequest

pytestmark = pytest.mark.asyncio


@pytest.fixture
def entry(studio: Studio, tiny_model: Path, tmp_path: Path) -> LibraryEntry:
    """Give a model in the library, and uploads that go to a folder."""
    studio.prefer(upload_target="folder")
    return shelved(studio.workspace, tiny_model, tmp_path / "models")


async def test_a_model_is_sent_to_a_folder(studio: Studio, entry: LibraryEntry, tmp_path: Path) -> None:
    target = tmp_path / "shared" / "copy"
    async with visiting(studio, "/library") as user:
        act(user, "upload")
        await sees(user, f"Upload {entry.name}", "Choose a folder on this machine, or type one.")
        await fill(user, "upload-name", str(target))
        await sees(user, "Ready", str(target), "The card that goes with it")
        user.find(marker="start-upload").click()
        await sees(user, "Uploaded", str(target))
        user.find(marker="close-upload").click()
        await user.should_not_see("It continues when you close this.", retries=50)
        await user.open("/library")
        await sees(user, "Uploaded")
        user.find(marker="dismiss-upload").click()
        await user.should_not_see("Uploaded", retries=50)
        for number in range(3):
            studio.upload(UploadRequest(path=entry.path, target="folder", name=str(tmp_path / f"copy-{number}")))
        await until(lambda: sum(view.state.final for view in studio.views.of("upload")) == 3)
        await sees(user, "Dismiss all")
        user.find(marker="dismiss-uploads").click()
        await until(lambda: not studio.views.of("upload"))
    assert (target / "model.safetensors").read_bytes() == (entry.path / "model.safetensors").read_bytes()


async def test_a_damaged_model_is_named_and_not_sent(studio: Studio, entry: LibraryEntry, tmp_path: Path) -> None:
    weights = entry.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    async with visiting(studio, "/library") as user:
        act(user, "upload")
        await sees(user, f"Upload {entry.name}")
        await fill(user, "upload-name", str(tmp_path / "copy"))
        await sees(user, "is damaged and was not sent: model.safetensors")
        user.find(marker="cancel").click()
        await asyncio.sleep(0)
    assert not studio.views.of("upload")


async def test_another_model_is_listed_and_replaced_only_when_asked(
    studio: Studio, entry: LibraryEntry, tmp_path: Path
) -> None:
    taken = write_mlx_folder(tmp_path / "shared" / "taken")
    async with visiting(studio, "/library") as user:
        act(user, "upload")
        await sees(user, f"Upload {entry.name}")
        await fill(user, "upload-name", str(taken))
        await sees(user, "holds another model already (unquantized", "LICENSE, config.json and 1 weight file")
        await sees(user, "Name another folder, or replace it.")
        user.find(marker="start-upload").click()
        assert not studio.views.of("upload")
        user.find(marker="remedy").click()
        await sees(user, "Ready")
        user.find(marker="start-upload").click()
        await sees(user, "Uploaded")
    assert not (taken / "LICENSE").exists()


async def test_what_is_no_model_can_not_be_replaced(studio: Studio, entry: LibraryEntry, tmp_path: Path) -> None:
    taken = tmp_path / "project"
    taken.mkdir()
    (taken / "config.json").write_text("{}")
    async with visiting(studio, "/library") as user:
        act(user, "upload")
        await sees(user, f"Upload {entry.name}")
        await fill(user, "upload-name", str(taken))
        await sees(user, "is not replaced: it holds something else than an MLX model (config.json)")
        await user.should_not_see(marker="remedy", retries=5)
    assert (taken / "config.json").read_text() == "{}"


async def test_what_is_refused_at_the_start_stands_where_the_verdict_was(
    studio: Studio, entry: LibraryEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise InvalidRequest("the folder has gone.")

    monkeypatch.setattr(studio.workspace, "upload", refuse)
    async with visiting(studio, "/library") as user:
        act(user, "upload")
        await sees(user, f"Upload {entry.name}")
        await fill(user, "upload-name", str(tmp_path / "copy"))
        await sees(user, "Ready")
        user.find(marker="start-upload").click()
        await sees(user, "The folder has gone.")
        with user:
            assert list(ElementFilter(content="The folder has gone.").within(marker="upload-verdict"))
        await user.should_not_see("Ready")


async def test_a_place_that_will_not_do_is_said_where_it_is_typed(
    studio: Studio, entry: LibraryEntry, tmp_path: Path
) -> None:
    async with visiting(studio, "/library") as user:
        act(user, "upload")
        await sees(user, f"Upload {entry.name}")
        await fill(user, "upload-name", str(entry.path))
        await sees(user, "is where the model is.", "Name another folder.")
        user.find(marker="cancel").click()
        await asyncio.sleep(0)
    assert not studio.views.of("upload")


async def test_no_folder_is_judged_before_one_is_named_and_lm_studios_is_a_click_away(
    studio: Studio, entry: LibraryEntry, tmp_path: Path
) -> None:
    async with visiting(studio, "/library") as user:
        act(user, "upload")
        await sees(user, f"Upload {entry.name}")
        await user.should_not_see("folder:", retries=5)
        user.find(marker="lm-studio").click()
        await sees(user, "LM Studio's folder of models is not there")
        await fill(user, "upload-name", f"folder:{tmp_path / 'copy'}")  # as the command line has it
        await sees(user, "Ready", str(tmp_path / "copy"))
        user.find(marker="start-upload").click()
        await sees(user, "Uploaded")
    assert (tmp_path / "copy/config.json").is_file()
