"""What a system leaves in any folder (``._model.safetensors``, ``.DS_Store``) is no part of a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from samples.caseless_disk import mac_disk
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.base.system_files import is_system_file
from mlx_convert_core.converting.memory_guard import weight_bytes
from mlx_convert_core.plugin import read_record, regular_files, what_goes

from .conftest import AddPlugin, WriteToy

# What a Mac does on a disk that can't hold what belongs to a file besides its bytes, and the Finder everywhere.
LIKE_A_MAC = """
@hookimpl
def post_convert(plan, staging):
    for path in list(staging.iterdir()):
        path.with_name(f"._{path.name}").write_bytes(b"\\0\\5\\x16\\7" + bytes(4092))
    (staging / ".DS_Store").write_bytes(b"\\0\\0\\0\\1Bud1")
"""


@pytest.fixture
def like_a_mac(add_plugin: AddPlugin, toys: None) -> None:
    add_plugin("like_a_mac", LIKE_A_MAC)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk like an exFAT one or a network share of a Mac: no capitals, no links, ``._`` files."""
    with mac_disk(tmp_path, apple_double=True) as disk:
        yield disk


def left_by_the_system(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if is_system_file(path.name)}


@pytest.mark.parametrize("name", ["._model.safetensors", ".DS_Store", ".localized", "Thumbs.db", "@eaDir"])
def test_it_is_told_by_its_name(name: str) -> None:
    assert is_system_file(name)


@pytest.mark.parametrize("name", ["model.safetensors", ".gitattributes", "_x", "..", ".cache", "README.md"])
def test_other_names_are_a_persons(name: str) -> None:
    assert not is_system_file(name)


def test_a_conversion_takes_no_notice_of_it(
    like_a_mac: None, workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    request = ConvertRequest(ref=str(write_toy()), output=tmp_path / "out", preset="bf16")
    model = workspace.convert(request, inline=True).result().models[0]
    assert "._model.safetensors" in left_by_the_system(model.path)
    record = read_record(model.path)
    assert record is not None
    assert not any(map(is_system_file, record.files))
    assert model.total_bytes == sum(path.stat().st_size for path in regular_files(model.path))
    (entry,) = workspace.scan(model.path)
    assert entry.size == model.total_bytes
    assert weight_bytes(model.path) == (model.path / "model.safetensors").stat().st_size


def test_such_a_model_is_replaced_and_removed(
    like_a_mac: None, workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    request = ConvertRequest(ref=str(write_toy()), output=tmp_path / "out", preset="bf16", force=True)
    for _ in range(2):
        workspace.convert(request, inline=True).result()
    assert left_by_the_system(tmp_path / "out")
    assert not any(map(is_system_file, what_goes(tmp_path / "out").files))
    workspace.remove(workspace.find(tmp_path / "out"), permanently=True)
    assert {path.name for path in tmp_path.iterdir()} == {"toy-model"}


def test_a_source_loses_none_of_its_files_for_them(workspace: Workspace, write_toy: WriteToy, tmp_path: Path) -> None:
    source = write_toy()
    for name in ("tokenizer.json", "._tokenizer.json", "._config.json", ".DS_Store"):
        (source / name).write_text("{}")
    request = ConvertRequest(ref=str(source), output=tmp_path / "out", preset="bf16")
    model = workspace.convert(request, inline=True).result().models[0]
    assert (model.path / "tokenizer.json").exists()
    assert not left_by_the_system(model.path)


def test_a_folder_with_nothing_else_is_empty(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    contents = what_goes(tmp_path)
    assert (contents.stays, contents.words) == ("", "an empty folder")


def test_a_file_of_yours_beside_them_stays(tmp_path: Path) -> None:
    model = write_mlx_folder(tmp_path / "model")
    (model / "._notes.md").touch()
    (model / "notes.md").touch()
    assert what_goes(model).foreign == ("notes.md",)


def test_it_is_no_plugin(home: Path, toys: None) -> None:
    (home / "plugins" / "._toy.py").write_bytes(b"\0\5\x16\7")
    with Workspace() as workspace:
        assert workspace.plugin_failures == ()


def test_a_model_is_made_replaced_taken_up_and_removed_on_such_a_disk(
    disk: Path, workspace: Workspace, write_toy: WriteToy
) -> None:
    request = ConvertRequest(ref=str(write_toy()), output=disk / "out", preset="bf16", force=True)
    for _ in range(2):
        workspace.convert(request, inline=True).result()
    assert "._model.safetensors" in left_by_the_system(disk / "out")
    workspace.remove(workspace.find(disk / "OUT"), permanently=True)
    assert list(disk.iterdir()) == []
