"""Files and folders are told apart by what they are, not by how their path is spelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from samples.caseless_disk import caseless_disk
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import ConvertRequest, InvalidRequest, MlxConvertError, Workspace
from mlx_convert_core.base.identity import as_on_disk, same_place
from mlx_convert_core.plugin import LibraryError, is_inside


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk that takes capitals for small letters."""
    with caseless_disk(tmp_path) as disk:
        yield disk


def test_a_link_leads_to_the_same_place(tmp_path: Path) -> None:
    (tmp_path / "models" / "one").mkdir(parents=True)
    (tmp_path / "shelf").symlink_to("models")
    assert same_place(tmp_path / "shelf" / "one", tmp_path / "models" / "one")
    assert is_inside(tmp_path / "shelf" / "one", tmp_path / "models")
    assert is_inside(tmp_path / "shelf" / "new" / "deep", tmp_path / "models" / "new")
    assert not is_inside(tmp_path / "models", tmp_path / "shelf" / "one")
    assert as_on_disk(tmp_path / "shelf" / "one") == tmp_path / "models" / "one"


def test_what_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    assert not same_place(tmp_path / "a", tmp_path / "b")
    assert is_inside(tmp_path / "A", tmp_path / "a")  # many disks would make one folder of both
    (tmp_path / "A").mkdir()
    if not (tmp_path / "a").exists():
        assert not is_inside(tmp_path / "A", tmp_path / "a")


def test_another_spelling_is_the_same_place(disk: Path) -> None:
    (disk / "Models" / "Smol").mkdir(parents=True)
    assert same_place(disk / "models" / "SMOL", disk / "Models" / "Smol")
    assert is_inside(disk / "MODELS" / "smol" / "new", disk / "Models")
    assert as_on_disk(disk / "models" / "SMOL") == disk / "Models" / "Smol"


def test_a_source_is_not_replaced_by_its_other_spelling(tiny_llama: Path, disk: Path, workspace: Workspace) -> None:
    source = write_mlx_folder(disk / "Smol")
    for path in tiny_llama.iterdir():
        if path.suffix == ".json":
            (source / path.name).write_bytes(path.read_bytes())
    before = {path.name for path in source.iterdir()}
    request = ConvertRequest(ref=str(source), output=disk / "SMOL", force=True, preset="4bit")
    with pytest.raises(MlxConvertError, match="the model to convert is in it"):
        workspace.convert(request, inline=True).result()
    assert {path.name for path in source.iterdir()} == before


def test_two_outputs_that_would_be_one_folder_are_refused(tiny_llama: Path, disk: Path, workspace: Workspace) -> None:
    request = ConvertRequest(ref=str(tiny_llama), preset=("4bit", "8bit"), output=(disk / "outA", disk / "outa"))
    with pytest.raises(InvalidRequest, match="two outputs would go to") as caught:
        workspace.plan(request, exact=False)
    assert caught.value.code == "same_output"


def test_another_spelling_is_no_second_entry(disk: Path, workspace: Workspace) -> None:
    write_mlx_folder(disk / "Models" / "Smol")
    workspace.scan(disk / "Models")
    workspace.scan(disk / "MODELS" / "smol")
    (entry,) = workspace.library.entries()
    assert entry.path == disk / "Models" / "Smol"
    assert workspace.find(disk / "models" / "SMOL") == entry
    workspace.remove(workspace.find(disk / "models" / "smol"), permanently=True)
    assert workspace.library.entries() == ()
    assert not (disk / "Models" / "Smol").exists()


def test_the_home_folder_is_kept_in_any_spelling(
    disk: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_mlx_folder(disk / "Ann")
    monkeypatch.setenv("HOME", str(disk / "ANN"))
    (entry,) = workspace.scan(model)
    with pytest.raises(LibraryError, match="your home folder is in it"):
        workspace.remove(entry)
    assert (model / "LICENSE").read_text() == "precious"


def test_a_model_is_opened_under_one_path_however_it_is_spelled(disk: Path, workspace: Workspace) -> None:
    model = write_mlx_folder(disk / "Models" / "Smol")
    assert workspace.model_path(disk / "models" / "SMOL") == model
    assert workspace.model_path(str(disk / "models" / "smol")) == model
