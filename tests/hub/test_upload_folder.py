"""Copying a model into a folder, such as the one where LM Studio looks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from mlx_convert_hub.send.clone import cloned, copy
from mlx_convert_hub.send.folder_target import FolderTarget

from mlx_convert_core import Cancelled, InvalidRequest, MlxConvertError, UploadError, UploadRequest, UploadResult
from mlx_convert_core.plugin import Replace

from .models import Recorder, converted_folder

TARGET = FolderTarget()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return converted_folder(tmp_path / "here" / "Tiny-MLX-4bit", shards=2)


@pytest.fixture
def lmstudio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LM Studio's models folder, in a home of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    models = tmp_path / "user" / ".lmstudio" / "models"
    models.mkdir(parents=True)
    return models


def send(folder: Path, name: object, report: Recorder | None = None, **options: bool) -> UploadResult:
    request = TARGET.check(UploadRequest(path=folder, target="folder", name=str(name), **options))
    return TARGET.upload(request, report or Recorder("upload"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("lmstudio", "mlx-convert/Tiny-MLX-4bit"),
        ("lmstudio/ann", "ann/Tiny-MLX-4bit"),
        ("lmstudio/ann/Mine", "ann/Mine"),
    ],
)
def test_lm_studio_finds_a_model_below_its_publisher(lmstudio: Path, folder: Path, name: str, place: str) -> None:
    report = Recorder("upload")
    result = send(folder, name, report)
    assert result.location == str(lmstudio / place)
    assert contents(lmstudio / place) == contents(folder)
    assert result.sent_bytes == sum(map(len, contents(folder).values())) == report.steps[-1][0] == report.steps[-1][1]
    assert [path.name for path in (lmstudio / place).parent.iterdir()] == [Path(place).name]


def test_the_older_folder_of_lm_studio(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    (tmp_path / "user" / ".cache" / "lm-studio" / "models").mkdir(parents=True)
    assert "/.cache/lm-studio/models/mlx-convert/" in send(folder, "lmstudio").location


def settings(home: Path, **values: object) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "settings.json").write_text(json.dumps(values))


def test_models_that_a_person_has_moved_are_where_lm_studio_says(lmstudio: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "My SSD" / "models").mkdir(parents=True)
    settings(lmstudio.parent, downloadsFolder=str(tmp_path / "My SSD" / "models"))
    assert send(folder, "lmstudio").location == str(tmp_path / "My SSD/models/mlx-convert/Tiny-MLX-4bit")
    assert list(lmstudio.iterdir()) == []


def test_lm_studio_itself_may_live_elsewhere(lmstudio: Path, folder: Path, tmp_path: Path) -> None:
    settings(tmp_path / "elsewhere", downloadsFolder="~/Models")
    (tmp_path / "user" / "Models").mkdir()
    (tmp_path / "user" / ".lmstudio-home-pointer").write_text(f"{tmp_path / 'elsewhere'}\n")
    assert send(folder, "lmstudio").location == str(tmp_path / "user/Models/mlx-convert/Tiny-MLX-4bit")


def test_a_disk_of_models_that_is_away_is_named(lmstudio: Path, folder: Path) -> None:
    settings(lmstudio.parent, downloadsFolder="/Volumes/Away/models")
    with pytest.raises(UploadError, match="/Volumes/Away/models") as missing:
        send(folder, "lmstudio")
    assert missing.value.code == "no_lmstudio"
    assert "Connect its disk" in missing.value.hint


@pytest.mark.parametrize("content", ["", "{", "[]", '{"downloadsFolder": 7}', '{"downloadsFolder": " "}'])
def test_settings_that_say_nothing_change_nothing(lmstudio: Path, folder: Path, content: str) -> None:
    (lmstudio.parent / "settings.json").write_text(content)
    assert send(folder, "lmstudio").location == str(lmstudio / "mlx-convert/Tiny-MLX-4bit")


def test_without_lm_studio_its_folder_is_asked_for(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    with pytest.raises(UploadError, match="LM Studio") as missing:
        send(folder, "lmstudio")
    assert missing.value.code == "no_lmstudio"


@pytest.mark.parametrize("name", ["", "lmstudio/a/b/c", "lmstudio/../b", "lmstudio/a/..", "lmstudio/.hidden/x"])
def test_a_place_that_can_not_be_one(lmstudio: Path, folder: Path, name: str) -> None:
    with pytest.raises(InvalidRequest):
        send(folder, name)


def test_a_folder_with_models_gets_one_more_and_a_new_folder_becomes_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    assert send(folder, tmp_path / "models").location == str(tmp_path / "models" / "Tiny-MLX-4bit")
    assert send(folder, tmp_path / "new" / "place").location == str(tmp_path / "new" / "place")
    assert contents(tmp_path / "new" / "place") == contents(folder)


def test_the_same_again_copies_nothing(folder: Path, tmp_path: Path) -> None:
    send(folder, tmp_path / "x")
    before = (tmp_path / "x").stat().st_ino
    again = send(folder, tmp_path / "x")
    assert (again.sent_files, again.sent_bytes) == (0, 0)
    assert (tmp_path / "x").stat().st_ino == before


def test_a_byte_that_differs_is_copied(folder: Path, tmp_path: Path) -> None:
    send(folder, tmp_path / "x")
    shard = tmp_path / "x" / "model-00002-of-00002.safetensors"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    assert send(folder, tmp_path / "x").sent_files > 0
    assert contents(tmp_path / "x") == contents(folder)


def test_a_newer_make_of_the_same_model_takes_its_place(folder: Path, tmp_path: Path) -> None:
    send(folder, tmp_path / "x")
    (tmp_path / "x" / ".DS_Store").touch()
    newer, report = converted_folder(tmp_path / "newer" / "Tiny", seed=7), Recorder("upload")
    send(newer, tmp_path / "x", report)
    assert contents(tmp_path / "x") == contents(newer)
    assert f"{tmp_path / 'x'} will be replaced: 4 bit" in report.messages[0]
    assert "config.json, mlx_convert.json, tokenizer.json and 2 weight files" in report.messages[0]


@pytest.mark.parametrize("name", ["notes.txt", "photos/me.jpg", ".env", ".git/HEAD"])
def test_a_persons_files_beside_the_model_keep_it_where_it_is(folder: Path, tmp_path: Path, name: str) -> None:
    send(folder, tmp_path / "x")
    (tmp_path / "x" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "x" / name).write_text("precious")
    before = contents(tmp_path / "x")
    assert send(folder, tmp_path / "x").sent_files == 0  # all there already: nothing would be replaced
    newer = converted_folder(tmp_path / "newer" / "Tiny", seed=7)
    (newer / "README.md").write_text("new")
    with pytest.raises(UploadError) as refused:
        send(newer, tmp_path / "x", replace=True)
    assert refused.value.code == "not_replaceable"
    assert name.split("/")[0] in refused.value.message
    assert contents(tmp_path / "x") == before


def test_a_file_that_came_along_with_the_model_is_none_of_a_persons(folder: Path, tmp_path: Path) -> None:
    (folder / "examples.csv").write_text("1, 2")
    send(folder, tmp_path / "x")
    (folder / "README.md").write_text("new")
    send(folder, tmp_path / "x")
    assert contents(tmp_path / "x") == contents(folder)


def test_another_model_is_replaced_only_when_asked_for(folder: Path, tmp_path: Path) -> None:
    other = converted_folder(tmp_path / "other" / "Big", source="org/Big", seed=7)
    send(other, tmp_path / "x")
    with pytest.raises(UploadError, match="another model") as taken:
        send(folder, tmp_path / "x")
    assert taken.value.remedies == (Replace(),)
    assert contents(tmp_path / "x") == contents(other)
    send(folder, tmp_path / "x", replace=True)
    assert contents(tmp_path / "x") == contents(folder)


def _papers(place: Path) -> None:
    (place / "thesis.txt").write_text("precious")


def _project(place: Path) -> None:
    (place / "config.json").write_text("{}")
    (place / ".git").mkdir()
    (place / ".git" / "HEAD").write_text("precious")


def _checkpoint(place: Path) -> None:
    converted_folder(place / "x")
    for path in (place / "x").iterdir():
        path.rename(place / path.name)
    (place / "x").rmdir()
    weights = place / "model.safetensors"
    weights.write_bytes(weights.read_bytes().replace(b'"mlx"', b'"pt" '))


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("fill", [_papers, _project, _checkpoint])
def test_what_is_no_mlx_model_is_never_replaced(
    folder: Path, tmp_path: Path, replace: bool, fill: Callable[[Path], None]
) -> None:
    place = tmp_path / "papers" / "Tiny-MLX-4bit"
    place.mkdir(parents=True)
    fill(place)
    before = contents(place)
    with pytest.raises(UploadError) as refused:
        send(folder, place if (place / "config.json").exists() else place.parent, replace=replace)
    assert refused.value.code == "not_replaceable"
    assert contents(place) == before


def test_a_home_folder_is_never_replaced(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = converted_folder(tmp_path / "ann", source="org/Big")
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(UploadError, match="your home folder is in it"):
        send(folder, home, replace=True)


def test_a_link_is_never_replaced(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(converted_folder(tmp_path / "other" / "Big", source="org/Big"))
    with pytest.raises(UploadError, match="it is a link"):
        send(folder, tmp_path / "x", replace=True)
    assert (tmp_path / "x").is_symlink()


def test_a_model_is_not_copied_into_itself(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "shelf").symlink_to(folder.parent)
    for name in (folder, folder / "below", tmp_path / "shelf" / folder.name):
        with pytest.raises(InvalidRequest, match="where the model is"):
            send(folder, name)


def test_a_cancel_leaves_nothing_behind(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlx_convert_hub.send.clone.BLOCK", 1 << 12)
    report = Recorder("upload")
    record = report.progress

    def cancel_in_the_middle(*told: int) -> None:
        record("upload", *told[1:3])
        if told[1] * 2 > told[2]:
            report.cancelled.set()

    report.progress = cancel_in_the_middle  # type: ignore[assignment, method-assign]
    (tmp_path / "x").mkdir()
    with pytest.raises(Cancelled):
        send(folder, tmp_path / "x", report)
    assert list((tmp_path / "x").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_and_leaves_nothing_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path, moved: object, **inside: Path) -> None:
        with Path("/dev/full").open("wb", buffering=0) as disk:
            disk.write(b"x")

    monkeypatch.setattr("mlx_convert_hub.send.folder_target.copy", full)
    (tmp_path / "x").mkdir()
    with pytest.raises(MlxConvertError, match="full") as raised:
        send(folder, tmp_path / "x")
    assert raised.value.code == "disk_full"
    assert list((tmp_path / "x").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_place_that_can_not_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(UploadError) as refused:
        send(folder, tmp_path / "locked")
    assert refused.value.code == "not_writable"


def test_the_preview_is_the_models_own_card(folder: Path, tmp_path: Path) -> None:
    request = UploadRequest(path=folder, target="folder", name=str(tmp_path / "x"))
    assert TARGET.preview(request) == (folder / "README.md").read_text()


def test_a_copy_is_the_same_whether_the_disk_can_share_blocks_or_not(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(5 << 20))
    counted: list[int] = []
    copy(source, tmp_path / "copy", counted.append, within=tmp_path)
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert sum(counted) == 5 << 20
    if cloned(source, tmp_path / "clone"):
        assert (tmp_path / "clone").read_bytes() == source.read_bytes()
    else:
        assert not (tmp_path / "clone").exists()


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "notes.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(UploadError, match=r"notes\.txt") as refused:
        send(folder, tmp_path / "x")
    assert refused.value.code == "up_link"
    assert not (tmp_path / "x").exists()


def test_links_inside_and_those_of_the_hugging_face_cache_are_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "same.json").symlink_to("config.json")
    snapshot = tmp_path / "cache" / "models--a--b" / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    blobs = snapshot.parent.parent / "blobs"
    folder.rename(blobs)
    for path in blobs.iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    send(snapshot, tmp_path / "x")
    assert contents(tmp_path / "x") == contents(blobs)
    assert not [path for path in (tmp_path / "x").iterdir() if path.is_symlink()]
