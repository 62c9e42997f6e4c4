"""Files that go with a question: what can be one, and which models take them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlx_convert_core import GenerateRequest, InvalidRequest


def asked(*files: Path) -> GenerateRequest:
    return GenerateRequest(prompt="what is this?", attachments=files)


def refused(*files: Path) -> str:
    with pytest.raises(InvalidRequest) as caught:
        asked(*files)
    assert caught.value.code == "attachment"
    return caught.value.message


def test_pictures_and_sound_are_told_apart_by_the_ends_of_their_names(tmp_path: Path) -> None:
    picture, sound = tmp_path / "a cat.JPG", tmp_path / "says.wav"
    picture.write_bytes(b"1")
    sound.write_bytes(b"1")
    assert asked(picture).senses == {"picture"}
    assert asked(picture, sound).senses == {"picture", "sound"}
    assert asked().senses == frozenset()


def test_paths_are_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cat.png").write_bytes(b"1")
    monkeypatch.chdir(tmp_path)
    assert asked(Path("cat.png")).attachments == (str(tmp_path / "cat.png"),)


def test_what_is_neither_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    assert "notes.txt" in refused(tmp_path / "notes.txt")


def test_what_is_not_there_and_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "is not there" in refused(tmp_path / "cat.png")
    (tmp_path / "folder.png").mkdir()
    assert "is not a file" in refused(tmp_path / "folder.png")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "film.gif").open("wb") as file:
        file.truncate(100_000_001)
    assert "100 MB" in refused(tmp_path / "film.gif")
