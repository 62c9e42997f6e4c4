"""Weight files of a repo that leave the cache as soon as they are used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hubserver import Hub
from lm.random_llama import write_llama
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.cache import RepoCache
from mlx_convert_hub.fetch.repo import HubRepo

from mlx_convert_core import ConvertRequest, MlxConvertError, Workspace
from mlx_convert_core.plugin import LeaveOut

from .models import Recorder, model_files

SHARDS = 8


@pytest.fixture
def llama(hub: Hub, tmp_path: Path) -> Path:
    folder = write_llama(tmp_path / "source", layers=8, shards=SHARDS)
    hub.add_repo("org/llama", folder=folder)
    return folder


def request_for(output: Path, **more: bool) -> ConvertRequest:
    return ConvertRequest(ref="org/llama", preset="4bit", output=output, **more)


def weights(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name.endswith(".safetensors"))


def blob_bytes(cache: Path) -> int:
    return sum(path.stat().st_size for path in cache.rglob("blobs/*"))


def test_the_cache_keeps_everything_but_the_weights(workspace: Workspace, llama: Path, tmp_path: Path) -> None:
    workspace.convert(request_for(tmp_path / "model", discard_source=True)).result()
    cache = tmp_path / "cache"
    assert weights(cache) == []
    assert blob_bytes(cache) < min(path.stat().st_size for path in llama.glob("*.safetensors"))
    assert {"config.json", "tokenizer.json"} <= {path.name for path in cache.rglob("snapshots/*/*")}
    workspace.convert(ConvertRequest(ref=str(llama), preset="4bit", output=tmp_path / "whole")).result()
    one, other = (tmp_path / name / "model.safetensors" for name in ("model", "whole"))
    assert one.read_bytes() == other.read_bytes()


def test_a_repo_is_fetched_again_after_its_weights_are_gone(workspace: Workspace, llama: Path, tmp_path: Path) -> None:
    workspace.convert(request_for(tmp_path / "model", discard_source=True)).result()
    workspace.convert(request_for(tmp_path / "again")).result()
    assert len(weights(tmp_path / "cache")) == SHARDS
    plan = workspace.plan(request_for(tmp_path / "third", discard_source=True))
    assert plan.fetch_bytes == plan.fetch_disk == 0


def test_a_plan_needs_disk_for_a_few_files_only(workspace: Workspace, llama: Path, tmp_path: Path) -> None:
    plan = workspace.plan(request_for(tmp_path / "model", discard_source=True))
    sizes = [path.stat().st_size for path in sorted(llama.glob("*.safetensors"))]
    assert plan.exact
    assert plan.fetch_disk == max(sum(sizes[start : start + 5]) for start in range(SHARDS))
    assert plan.fetch_bytes > sum(sizes)


def test_offline_nothing_is_deleted_that_can_not_come_again(
    workspace: Workspace, connection: HubConnection, settings: pytest.MonkeyPatch, llama: Path, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    source = HubRepo("org/llama", "org/llama", None, connection)
    source.fetch(source.inspect(), connection.cache, Recorder())
    settings.setenv("HF_HUB_OFFLINE", "1")
    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(MlxConvertError, match="offline mode") as refused:
        workspace.convert(request_for(tmp_path / "model", discard_source=True)).result()
    assert refused.value.code == "discard_source"
    assert refused.value.remedies == (LeaveOut("discard_source"),)
    assert len(weights(connection.cache)) == SHARDS


def test_a_file_that_can_not_be_fetched_ends_the_job_though_others_wait(
    hub: Hub, workspace: Workspace, llama: Path, tmp_path: Path
) -> None:
    hub.fault("status", status=404, path="model-00004-of", times=None, method="GET")
    with pytest.raises(MlxConvertError):
        workspace.convert(request_for(tmp_path / "out" / "model", discard_source=True)).result()
    assert not (tmp_path / "out").exists()


KILLER = """
import os, signal
from pathlib import Path
from mlx_convert_core.plugin import hookimpl

@hookimpl
def post_convert(plan, staging):
    marker = Path(__file__).with_name("die")
    if marker.exists():
        marker.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_resume_fetches_deleted_files_again_and_deletes_them(
    workspace: Workspace, llama: Path, tmp_path: Path, home: Path
) -> None:
    (home / "plugins").mkdir(parents=True)
    (home / "plugins" / "killer.py").write_text(KILLER)
    (home / "plugins" / "die").touch()
    output = tmp_path / "out" / "model"
    with Workspace() as dying:
        with pytest.raises(MlxConvertError) as caught:
            dying.convert(request_for(output, discard_source=True)).result()
        assert caught.value.code == "killed"
        assert weights(tmp_path / "cache") == []
        dying.convert(request_for(output, discard_source=True, resume=True)).result()
    assert weights(tmp_path / "cache") == []
    workspace.convert(ConvertRequest(ref=str(llama), preset="4bit", output=tmp_path / "whole")).result()
    assert (output / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


@pytest.fixture
def fetched(hub: Hub, connection: HubConnection) -> tuple[HubRepo, Path]:
    """A repo in the cache, and its weight file there."""
    hub.add_repo("org/model", model_files())
    source = HubRepo("org/model", "org/model", None, connection)
    return source, source.fetch(source.inspect(), connection.cache, Recorder()) / "model.safetensors"


def test_bytes_that_another_revision_shows_are_kept(
    hub: Hub, fetched: tuple[HubRepo, Path], connection: HubConnection
) -> None:
    source, path = fetched
    blob = path.resolve()
    hub.repos["org/model"].commit({"config.json": json.dumps({"model_type": "llama"})}, "other settings")
    newer = source.fetch(source.inspect(), connection.cache, Recorder()) / "model.safetensors"
    assert newer.resolve() == blob
    RepoCache(connection.cache, "org/model").remove(path)
    assert not path.exists()
    assert blob.exists()
    RepoCache(connection.cache, "org/model").remove(newer)
    assert not blob.exists()
