"""Removing a model from the library: only that model goes, to the Trash where there is one."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import LibraryEntry, Workspace
from mlx_convert_core.plugin import LibraryError, RunCommand


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_mlx_folder(tmp_path / "shelf" / "Smol")


def scanned(workspace: Workspace, model: Path) -> LibraryEntry:
    (entry,) = workspace.scan(model)
    return entry


@pytest.fixture
def trash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Mac's Trash: a stand-in for what pyobjc offers of it, which moves folders into this one."""
    place = tmp_path / "Trash"
    place.mkdir()

    def trash_item(address: str, result: None, error: None) -> tuple[bool, None, object]:
        if "network" in address:
            return False, None, SimpleNamespace(localizedDescription=lambda: "The volume has no Trash.")
        shutil.move(address, place)
        return True, None, None

    manager = SimpleNamespace(trashItemAtURL_resultingItemURL_error_=trash_item)
    foundation = SimpleNamespace(
        NSURL=SimpleNamespace(fileURLWithPath_=str), NSFileManager=SimpleNamespace(defaultManager=lambda: manager)
    )
    monkeypatch.setitem(sys.modules, "Foundation", foundation)
    monkeypatch.setattr("mlx_convert_core.base.trash.sys", SimpleNamespace(platform="darwin"))
    return place


def test_on_a_mac_a_model_goes_to_the_trash(workspace: Workspace, model: Path, trash: Path) -> None:
    workspace.remove(scanned(workspace, model))
    assert not model.exists()
    assert (trash / "Smol" / "LICENSE").read_text() == "precious"
    assert workspace.library.entries() == ()


def test_permanently_means_for_good_on_a_mac_too(workspace: Workspace, model: Path, trash: Path) -> None:
    workspace.remove(scanned(workspace, model), permanently=True)
    assert list(model.parent.iterdir()) == list(trash.iterdir()) == []


def test_a_disk_without_a_trash_keeps_the_model(workspace: Workspace, tmp_path: Path, trash: Path) -> None:
    model = write_mlx_folder(tmp_path / "network" / "Smol")
    entry = scanned(workspace, model)
    with pytest.raises(LibraryError, match=r"The volume has no Trash\.") as refused:
        workspace.remove(entry)
    assert refused.value.code == "no_trash"
    assert refused.value.remedies == (RunCommand("library remove", (str(model),), ("permanently",)),)
    assert workspace.library.entries() == (entry,)
    assert (model / "LICENSE").read_text() == "precious"


@pytest.mark.skipif(sys.platform == "darwin", reason="there is a Trash")
def test_elsewhere_a_model_is_deleted_and_nothing_is_left_beside_it(workspace: Workspace, model: Path) -> None:
    workspace.remove(scanned(workspace, model))
    assert list(model.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["notes.txt", "photos/me.jpg", ".git/HEAD", "other/config.json"])
def test_what_a_person_keeps_beside_a_model_stays(workspace: Workspace, model: Path, name: str) -> None:
    entry = scanned(workspace, model)
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_text("precious")
    with pytest.raises(LibraryError) as refused:
        workspace.remove(entry, permanently=True)
    assert refused.value.code == "not_removable"
    assert name.split("/")[0] in refused.value.message
    assert (model / name).read_text() == "precious"
    assert workspace.library.entries() == (entry,)


def test_a_model_of_the_library_inside_another_stays(workspace: Workspace, model: Path) -> None:
    entry = scanned(workspace, model)
    scanned(workspace, write_mlx_folder(model / ".cache" / "huggingface" / "other"))
    with pytest.raises(LibraryError, match="it holds another model of the library"):
        workspace.remove(entry)


def record(model: Path, created: str, **more: object) -> None:
    (model / "mlx_convert.json").write_text(json.dumps({"created": created, "recipe": {"preset": "8bit"}, **more}))


def test_a_newer_model_that_took_the_folder_stays(workspace: Workspace, model: Path) -> None:
    record(model, "2026-01-01T00:00:00+00:00")
    entry = scanned(workspace, model)
    record(model, "2026-02-02T00:00:00+00:00")
    with pytest.raises(LibraryError, match="it holds another model by now") as refused:
        workspace.remove(entry)
    assert refused.value.code == "entry_changed"
    assert refused.value.remedies == (RunCommand("library scan", (str(model),)),)
    assert (model / "LICENSE").exists()
    workspace.remove(scanned(workspace, model), permanently=True)
    assert not model.exists()


def test_a_measured_model_is_still_the_same(workspace: Workspace, model: Path) -> None:
    record(model, "2026-01-01T00:00:00+00:00")
    entry = scanned(workspace, model)
    record(model, "2026-01-01T00:00:00+00:00", measurements={"perplexity": 9.5})
    (model / ".DS_Store").write_bytes(bytes(6148))
    workspace.remove(entry, permanently=True)
    assert not model.exists()


def test_a_link_to_a_model_is_no_second_entry(workspace: Workspace, model: Path, tmp_path: Path) -> None:
    entry = scanned(workspace, model)
    (tmp_path / "short").symlink_to(model)
    assert scanned(workspace, tmp_path / "short") == entry
    assert workspace.library.entries() == (entry,)
    assert workspace.find(tmp_path / "short") == entry


def test_an_entry_of_an_older_spelling_makes_way(workspace: Workspace, model: Path, tmp_path: Path) -> None:
    """An entry may have been kept before links and other spellings were seen through."""
    entry = scanned(workspace, model)
    workspace.library.remove(entry.path)
    (tmp_path / "short").symlink_to(model)
    old = LibraryEntry(name="short", path=tmp_path / "short", size=1, bits_per_weight=4, quantization="4 bit")
    workspace.library.add(old)
    assert scanned(workspace, model) == entry
    assert workspace.library.entries() == (entry,)
