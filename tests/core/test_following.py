"""What is done with the results of the queue's items once they are there: sent, measured, tried again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core import ConvertRequest, JobState, Workspace
from mlx_convert_core.plugin import Afterwards, QueueItem

from .conftest import AddPlugin

WriteToy = Callable[..., Path]
TARGET = """
class Shelf:
    name, summary = "shelf", "A folder of the test."

    def check(self, request):
        return UploadRequest(path=request.path, target="shelf", name=request.name or request.path.name)

    def preview(self, request):
        return ""

    def upload(self, request, reporter):
        shelf = Path(__file__).with_name("shelf")
        if not shelf.is_dir():
            raise UploadError("the shelf is away.", hint="Put it back.", code="shelf")
        (shelf / request.name).touch()
        return UploadResult(location=f"https://shelf.test/{request.name}", files=1, sent_files=1, sent_bytes=1)

@hookimpl
def register_upload_targets():
    yield Shelf()
"""


@pytest.fixture
def shelf(add_plugin: AddPlugin) -> Path:
    """Offer a target that keeps names in a folder, and give the folder."""
    folder = add_plugin("shelf_target", TARGET).with_name("shelf")
    folder.mkdir()
    return folder


def queued(workspace: Workspace, source: Path, **then: Any) -> QueueItem:
    """Line up two results of ``source``, and do them."""
    request = ConvertRequest(ref=str(source), preset=("bf16", "fp16"), verify=False)
    item = workspace.queue.add(request, Afterwards(**then))
    list(workspace.queue.drain())
    return workspace.queue.get(item.id)


def test_each_result_is_sent_under_its_own_name(
    shelf: Path, workspace: Workspace, write_toy: WriteToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    item = queued(workspace, write_toy(), upload="shelf")
    assert item.state is JobState.FINISHED
    assert [one.location for one in item.followed] == [
        f"https://shelf.test/toy-model-MLX-{name}" for name in ("bf16", "fp16")
    ]
    assert sorted(path.name for path in shelf.iterdir()) == ["toy-model-MLX-bf16", "toy-model-MLX-fp16"]
    assert not item.failed_after
    assert item.to_follow == ()


def test_what_failed_is_told_the_models_stay_and_it_can_be_done_again(
    shelf: Path, workspace: Workspace, write_toy: WriteToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shelf.rmdir()
    item = queued(workspace, write_toy(), upload="shelf", measure=True)
    assert item.state is JobState.FINISHED
    assert [(one.kind, one.state) for one in item.followed] == [
        (kind, JobState.FAILED) for _ in range(2) for kind in ("measure", "upload")
    ]
    told = next(one.error for one in item.followed if one.kind == "upload")
    assert told is not None
    assert (told.code, told.hint) == ("shelf", "Put it back.")
    assert all(path.is_dir() for path in item.outputs)
    shelf.mkdir()
    workspace.queue.retry(item.id)
    assert len(workspace.queue.get(item.id).to_follow) == 4
    list(workspace.queue.drain())
    again = workspace.queue.get(item.id)
    assert [one.state.value for one in again.followed if one.kind == "upload"] == ["finished", "finished"]


def test_what_was_still_to_be_done_is_done_by_the_next_program(
    shelf: Path, workspace: Workspace, write_toy: WriteToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = ConvertRequest(ref=str(write_toy()), preset="bf16", verify=False)
    item = workspace.queue.add(request, Afterwards(upload="shelf"))
    workspace.queue._following.finish = lambda *_: None  # type: ignore[method-assign]  # the program ends before
    list(workspace.queue.drain())
    assert workspace.queue.get(item.id).to_follow
    assert workspace.queue.clear() == ()  # it has not ended
    with Workspace() as later:
        list(later.queue.drain())
        assert [one.state for one in later.queue.get(item.id).followed] == [JobState.FINISHED]
