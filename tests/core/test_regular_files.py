"""Only regular files inside a folder are read: no link leads out of it, and nothing makes us wait."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mlx_convert_core.base import regular_files as files
from mlx_convert_core.base.regular_files import open_regular, read_regular, regular_files
from mlx_convert_core.plugin import CorruptCheckpoint

Spoil = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file and a folder in it; beside it is what nobody wants to share."""
    folder = tmp_path / "model"
    (folder / "more").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "more" / "notes.txt").write_text("notes")
    (tmp_path / "secret").write_text("precious")
    return folder


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(path.parent, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/{path.name}" if os.path.exists("/proc/self/fd") else str(path))
        os.close(here)


SPOILED: dict[str, tuple[Spoil, str]] = {
    "link out": (lambda path: path.symlink_to("../secret"), "link_out"),
    "absolute link out": (lambda path: path.symlink_to(path.parent.parent / "secret"), "link_out"),
    "link out by way of a link": (
        lambda path: [(path.parent / "up").symlink_to(".."), path.symlink_to("up/secret")],
        "link_out",
    ),
    "link to a folder outside": (lambda path: path.symlink_to(".."), "link_out"),
    "link to the environment": (lambda path: path.symlink_to("/proc/self/environ"), "link_out"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "link_out"),
    "link to nothing inside": (lambda path: path.symlink_to("gone"), "broken_link"),
    "link to nothing outside": (lambda path: path.symlink_to("../gone"), "link_out"),
    "link to itself": (lambda path: path.symlink_to(path.name), "broken_link"),
    "pipe": (os.mkfifo, "special_file"),
    "link to a pipe": (lambda path: [os.mkfifo(path.parent / "z"), path.symlink_to("z")], "special_file"),
    "socket": (listening, "special_file"),
    "folder": (Path.mkdir, "special_file"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_what_is_no_file_of_the_folder_is_refused_by_name(folder: Path, kind: str) -> None:
    spoil, code = SPOILED[kind]
    path = folder / "added.json"
    spoil(path)
    for read in (lambda: read_regular(path, 100, within=folder), lambda: regular_files(folder)):
        with pytest.raises(CorruptCheckpoint) as refused:
            read()
        assert refused.value.code == code
        assert str(folder) in refused.value.message
        assert refused.value.hint


def test_links_that_stay_inside_are_followed(folder: Path) -> None:
    (folder / "same.json").symlink_to("config.json")
    (folder / "notes.md").symlink_to("more/notes.txt")
    assert read_regular(folder / "notes.md", 100, within=folder) == b"notes"
    assert [path.name for path in regular_files(folder)] == ["config.json", "notes.md", "same.json"]


@pytest.mark.parametrize("behind", ["", "hub", "models--org--name", "snapshots/1"])
def test_the_hugging_face_cache_shows_its_blobs_also_from_behind_a_link(tmp_path: Path, behind: str) -> None:
    repo = tmp_path / "disk" / "hub" / "models--org--name"
    snapshot = repo / "snapshots" / "1"
    for place in (snapshot, repo / "blobs"):
        place.mkdir(parents=True)
    (repo / "blobs" / "abc").write_text("{}")
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    link = tmp_path / "link"
    link.symlink_to({"": snapshot, "hub": repo.parent, "models--org--name": repo, "snapshots/1": snapshot}[behind])
    seen = {"hub": link / "models--org--name/snapshots/1", "models--org--name": link / "snapshots/1"}.get(behind, link)
    assert [read_regular(path, 10, within=seen) for path in regular_files(seen)] == [b"{}"]
    download = tmp_path / "local-dir"  # as older clients made them
    download.mkdir()
    (download / "config.json").symlink_to(repo / "blobs" / "abc")
    assert regular_files(download)


def test_a_blob_that_was_pruned_is_not_there(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--org--name" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (snapshot / "pytorch_model.bin").symlink_to("../../blobs/abc")
    assert regular_files(snapshot) == []


def test_blobs_that_are_a_link_themselves_are_no_way_out(tmp_path: Path) -> None:
    repo = tmp_path / "models--org--name"
    (repo / "snapshots" / "1").mkdir(parents=True)
    (tmp_path / "secret").write_text("precious")
    (repo / "blobs").symlink_to(tmp_path)
    (repo / "snapshots" / "1" / "LICENSE").symlink_to("../../blobs/secret")
    with pytest.raises(CorruptCheckpoint, match="leads out"):
        regular_files(repo / "snapshots" / "1")


def test_a_file_that_a_person_named_may_lie_anywhere_but_must_be_one(tmp_path: Path, folder: Path) -> None:
    (folder / "named").symlink_to("../secret")
    assert read_regular(folder / "named", 100, within=None) == b"precious"
    os.mkfifo(folder / "pipe")
    with pytest.raises(CorruptCheckpoint, match="a pipe"):
        read_regular(folder / "pipe", 100, within=None)


def test_hidden_files_and_those_in_folders_are_listed_on_demand(folder: Path) -> None:
    (folder / ".hidden").symlink_to("../secret")
    assert [path.name for path in regular_files(folder, below=True)] == ["config.json", "notes.txt"]
    with pytest.raises(CorruptCheckpoint, match=r"\.hidden"):
        regular_files(folder, hidden=True)


def test_a_file_has_a_longest_length(folder: Path) -> None:
    (folder / "config.json").write_bytes(bytes(11))
    assert len(read_regular(folder / "config.json", 11, within=folder)) == 11
    with pytest.raises(CorruptCheckpoint, match="11 bytes; a file of its kind has 10") as refused:
        read_regular(folder / "config.json", 10, within=folder)
    assert refused.value.code == "too_big"


def test_a_file_that_is_not_there_is_the_callers_affair(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(folder / "gone", within=folder)


@pytest.mark.parametrize("other", ["another file", "a link out", "nothing"])
def test_a_file_that_is_swapped_between_the_look_and_the_opening_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    path, look = folder / "config.json", files._looked_at

    def swapped(path: Path, within: Path | None) -> object:
        seen = look(path, within)
        if other == "another file":
            (folder / "more" / "notes.txt").rename(path)
        else:
            path.unlink()
        if other == "a link out":
            path.symlink_to("../secret")
        return seen

    monkeypatch.setattr(files, "_looked_at", swapped)
    with pytest.raises(CorruptCheckpoint) as refused:
        open_regular(path, within=folder)
    assert refused.value.code == "source_changed"
