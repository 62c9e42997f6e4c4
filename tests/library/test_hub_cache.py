"""Models in a Hugging Face cache: found, named by their repo, and removed with the bytes that only they need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from samples.hub_cache import cached
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import Workspace
from mlx_convert_core.plugin import LibraryError

OLD, NEW = "0" * 39 + "1", "0" * 39 + "2"


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Give a repo's folder in a cache: two commits, of which the second, ``main``, has another licence."""
    model = write_mlx_folder(tmp_path / "made")
    (model / "demo.py").write_text("print('hi')")
    cache = tmp_path / "hf" / "hub"
    cached(model, cache, "org/Smol-4bit", OLD)
    (model / "LICENSE").write_text("another")
    return cached(model, cache, "org/Smol-4bit", NEW).parents[1]


def licences(repo: Path) -> set[str]:
    texts = (path.read_bytes() for path in (repo / "blobs").iterdir())
    return {text.decode() for text in texts if text in (b"precious", b"another")}


def test_a_scan_finds_them_from_far_above(workspace: Workspace, repo: Path) -> None:
    found = workspace.scan(repo.parents[2])
    cached = [entry for entry in found if entry.path.is_relative_to(repo)]
    assert [(entry.name, entry.source, entry.revision) for entry in cached] == [
        ("Smol-4bit", "org/Smol-4bit", OLD),
        ("Smol-4bit", "org/Smol-4bit", NEW),
    ]


def test_one_revision_goes_and_the_other_keeps_its_bytes(workspace: Workspace, repo: Path) -> None:
    older, newer = workspace.scan(repo)
    goes = workspace.what_removal_takes(newer)
    assert goes is not None
    assert (goes.size, goes.cached) == (len("another"), True)
    workspace.remove(newer)
    assert not newer.path.exists()
    assert not (repo / "refs").exists()
    assert licences(repo) == {"precious"}
    assert json.loads((older.path / "config.json").read_text())["model_type"] == "llama"
    workspace.remove(older)
    assert not repo.exists()
    assert workspace.library.entries() == ()


def test_a_download_that_is_under_way_stays(workspace: Workspace, repo: Path) -> None:
    coming = repo / "blobs" / f"{'ab' * 32}.incomplete"
    coming.write_bytes(b"half")
    for entry in workspace.scan(repo):
        workspace.remove(entry)
    assert coming.read_bytes() == b"half"
    assert not (repo / "snapshots").exists()


def test_what_a_person_put_there_keeps_it(workspace: Workspace, repo: Path) -> None:
    older, _ = workspace.scan(repo)
    (older.path / "notes.txt").write_text("precious")
    with pytest.raises(LibraryError, match=r"files that are not the model's \(notes.txt\)") as refused:
        workspace.remove(older)
    assert refused.value.code == "not_removable"
    assert (older.path / "notes.txt").exists()
    assert licences(repo) == {"precious", "another"}


def test_a_scan_says_what_it_did_not_look_at(workspace: Workspace, tmp_path: Path) -> None:
    write_mlx_folder(tmp_path.joinpath("root", *"123456789", "deep"))
    other = write_mlx_folder(tmp_path / "root" / "plain")
    (other / "model.safetensors").unlink()
    (other / "model-00001-of-00002.safetensors").write_bytes((8).to_bytes(8, "little") + b"{}      ")
    (tmp_path / "root" / "circle").symlink_to(tmp_path / "root")
    told: list[str] = []
    assert workspace.scan(tmp_path / "root", told.append) == ()
    assert len(told) == 2
    assert "plain is left out: it is a checkpoint that was not made by MLX." in told[0]
    assert "it is more than 8 levels below" in told[1]
