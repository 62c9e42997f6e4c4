"""What killed programs left is found with its size and cleared; what is not ours, or is worked on, never is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.test_staging import left_behind, names
from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import JsonDocument, Staging, clear_leftover
from mlx_convert_core.writing.leftovers import REMOVED_SECONDS, leftovers

JOB = "0123abcd"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let two minutes pass; the time at which a folder was renamed can't be set."""
    return lambda: monkeypatch.setattr(time, "time", lambda: time.time_ns() / 1e9 + 2 * REMOVED_SECONDS)


def unfinished(folder: Path, name: str = "model", nbytes: int = 1 << 20) -> Path:
    root = left_behind(folder / name, JOB)
    (root / "output" / "model.safetensors").write_bytes(os.urandom(nbytes))
    return root


def test_an_unfinished_model_is_found_with_its_size_and_cleared(tmp_path: Path) -> None:
    small, large = unfinished(tmp_path, "my model.v1"), unfinished(tmp_path, "large", 2 << 20)
    found = leftovers([tmp_path, tmp_path / ".", tmp_path / "nowhere"])
    assert [left.place for left in found] == [large, small]
    assert [left.path.name for left in found] == ["large", "my model.v1"]
    assert 1 << 20 <= found[1].nbytes < 2 << 20
    assert all(clear_leftover(left) for left in found)
    assert names(tmp_path) == []
    assert all(clear_leftover(left) for left in found)  # again does no harm


def test_a_deletion_that_was_killed_is_found_once_it_rests(tmp_path: Path, later: Callable[[], None]) -> None:
    doomed = tmp_path / f".model.removed-{JOB}"
    doomed.mkdir()
    (doomed / "model.safetensors").write_bytes(bytes(4096))
    assert leftovers([tmp_path]) == ()
    later()
    (left,) = leftovers([tmp_path])
    assert (left.kind, left.path) == ("deleted", tmp_path / "model")
    assert clear_leftover(left)
    assert names(tmp_path) == []


def test_a_model_that_was_being_deleted_out_of_sight_is_told_from_an_unfinished_one(tmp_path: Path) -> None:
    (unfinished(tmp_path) / "written").write_text("made from\nlayer.weight digest\n")
    doomed = left_behind(tmp_path / "old", JOB)
    (doomed / "output").rename(doomed / "doomed")
    found = {left.path.name: (left.kind, left.resumable) for left in leftovers([tmp_path])}
    assert found == {"model": ("unfinished", True), "old": ("deleted", False)}
    assert all(clear_leftover(left) for left in leftovers([tmp_path]))
    assert names(tmp_path) == []


def test_an_old_model_that_was_to_be_replaced_is_put_back(tmp_path: Path) -> None:
    root = unfinished(tmp_path)
    (root / "replaced").mkdir()
    (root / "replaced" / "mine.txt").write_text("precious")
    (left,) = leftovers([tmp_path])
    assert clear_leftover(left)
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model" / "mine.txt").read_text() == "precious"


OTHERS: dict[str, Callable[[Path], object]] = {
    "what somebody works on": lambda folder: Staging(folder / "model", JOB).__enter__(),
    "a folder with something else in it": lambda folder: (unfinished(folder) / "notes.txt").touch(),
    "a folder of nearly that name": lambda folder: left_behind(folder / "model", "backup"),
    "a file of that name": lambda folder: (folder / f".model.partial-{JOB}").touch(),
    "a link of that name": lambda folder: (folder / f".model.partial-{JOB}").symlink_to(unfinished(folder / "below")),
    "a temporary file of somebody else": lambda folder: (folder / ".config.json.4194304.tmp").touch(),
    "a visible folder": lambda folder: unfinished(folder).rename(folder / f"model.partial-{JOB}"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_nothing_else_counts(tmp_path: Path, later: Callable[[], None], what: str) -> None:
    (tmp_path / "below").mkdir()
    OTHERS[what](tmp_path)
    later()
    assert leftovers([tmp_path]) == ()


def test_what_was_taken_up_since_is_left_alone(tmp_path: Path) -> None:
    unfinished(tmp_path)
    (left,) = leftovers([tmp_path])
    with Staging(tmp_path / "model", JOB, resume=True) as staging:
        assert not clear_leftover(left)
        assert staging.output.is_dir()


def test_another_thing_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    root = unfinished(tmp_path)
    (left,) = leftovers([tmp_path])
    root.rename(tmp_path / "aside")
    again = unfinished(tmp_path)
    assert not clear_leftover(left)
    assert again.is_dir()


def test_they_are_looked_for_wherever_models_are_or_come_to(workspace: Workspace, home: Path, tmp_path: Path) -> None:
    workspace.settings.set("output_folder", tmp_path / "models")
    workspace.queue.add(ConvertRequest(ref=str(tmp_path), preset="bf16", output=tmp_path / "queued" / "model"))
    for folder in ("models", "queued", "elsewhere"):
        (tmp_path / folder).mkdir()
        unfinished(tmp_path / folder)
    (home / ".library.json.4194304.tmp").write_text("{")
    assert {left.place.parent.name for left in workspace.leftovers()} == {"models", "queued", home.name}


def test_the_next_write_of_a_document_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    document = JsonDocument(tmp_path / "library [1].json")
    dead, alive = tmp_path / ".library [1].json.4194304.tmp", tmp_path / f".library [1].json.{os.getppid()}.tmp"
    other = tmp_path / ".library.json.4194304.tmp"
    for path in (dead, alive, other):
        path.write_text("{")
    document.update(lambda stored: None)
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()
    os.utime(alive, (1, 1))  # the process of that number can't be the one that wrote it
    document.update(lambda stored: None)
    assert not alive.exists()
