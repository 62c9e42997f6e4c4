"""Pipes, devices and links where a program of ours looks besides a model's weights: none is waited for or followed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlx_convert_cli.main import cli
from mlx_convert_hub.card.published_card import card_to_send
from mlx_convert_hub.fetch.cache import RepoCache
from mlx_convert_hub.send.folder_target import FolderTarget

from mlx_convert_core import ConvertRequest, MlxConvertError, UploadRequest, Workspace
from mlx_convert_core.plugin import CorruptCheckpoint, FileInfo

Put = Callable[[Path], object]
PUT: dict[str, Put] = {
    "pipe": os.mkfifo,
    "link out": lambda path: path.symlink_to("../secret"),
    "endless": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(b"GGUF secret")
    folder = tmp_path / "model"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", PUT)
def test_a_gguf_file_of_a_folder_is_one(folder: Path, kind: str) -> None:
    PUT[kind](folder / "model.gguf")
    with Workspace() as workspace, pytest.raises(CorruptCheckpoint, match=r"model\.gguf"):
        workspace.inspect(str(folder))


@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_a_gguf_file_that_a_person_named_is_one(folder: Path, kind: str) -> None:
    PUT[kind](folder / "model.gguf")
    with Workspace() as workspace, pytest.raises(CorruptCheckpoint, match="is not read") as refused:
        workspace.inspect(str(folder / "model.gguf"))
    assert refused.value.code == "special_file"


@pytest.mark.parametrize("kind", PUT)
def test_the_preview_of_a_card_shows_no_other_file(folder: Path, kind: str) -> None:
    PUT[kind](folder / "README.md")
    request = UploadRequest(path=folder, target="folder", name="x")
    for preview in (lambda: card_to_send(folder, "ann/Tiny"), lambda: FolderTarget().preview(request)):
        with pytest.raises(CorruptCheckpoint, match=r"README\.md"):
            preview()


@pytest.mark.parametrize("kind", PUT)
def test_a_file_that_was_planted_in_the_cache_is_fetched_again(tmp_path: Path, kind: str) -> None:
    cache = RepoCache(tmp_path, "org/name")
    snapshot = cache.snapshot("c" * 40)
    snapshot.mkdir(parents=True)
    (snapshot.parent / "secret").write_text("{}")
    PUT[kind](snapshot / "config.json")
    assert cache.find(FileInfo(name="config.json", size=2), "c" * 40) is None


@pytest.mark.parametrize("kind", ["pipe", "endless"])
@pytest.mark.parametrize(
    "command",
    [
        ("convert", "org/name", "--recipe", "FILE"),
        ("plan", "org/name", "--strategy", "map:FILE"),
        ("recipe", "show", "FILE"),
        ("queue", "add", "--file", "FILE"),
        ("conversations", "import", "FILE"),
    ],
)
def test_the_command_line_reads_files_only(folder: Path, kind: str, command: tuple[str, ...]) -> None:
    PUT[kind](folder / "named.json")
    ended = CliRunner().invoke(cli, [word.replace("FILE", str(folder / "named.json")) for word in command])
    assert ended.exit_code in (1, 2)
    assert "named.json is a " in ended.stderr, ended.stderr


def test_a_pipe_among_what_a_dead_conversion_left_is_not_waited_for(
    workspace: Workspace, write_toy: Callable[[], Path], tmp_path: Path
) -> None:
    left = tmp_path / ".out.partial-x"
    left.mkdir()
    os.mkfifo(left / "owner.json")
    os.mkfifo(left / "written")
    request = ConvertRequest(ref=str(write_toy()), preset="bf16", output=tmp_path / "out", resume=True)
    try:
        assert workspace.convert(request, inline=True).result().path == tmp_path / "out"
    except MlxConvertError as error:
        raise AssertionError(error.message) from error
