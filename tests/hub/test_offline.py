"""A model that is whole in the cache needs no network; one that is not says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hubserver import Hub
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.repo import HubRepo

from mlx_convert_core.plugin import CorruptCheckpoint, SourceUnreachable

from .models import CONFIG, Recorder, model_files


@pytest.fixture
def source(hub: Hub, connection: HubConnection) -> HubRepo:
    hub.add_repo("org/model", model_files(shards=2))
    return HubRepo("org/model", "org/model", None, connection)


@pytest.fixture
def snapshot(source: HubRepo, hub: Hub, settings: pytest.MonkeyPatch) -> Path:
    """The model in the cache, with offline mode on and the hub gone."""
    from huggingface_hub import constants

    folder = source.fetch(source.inspect(), source.connection.cache, Recorder())
    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.requests.clear()
    return folder


def test_a_cached_model_is_described_and_fetched_without_a_request(hub: Hub, source: HubRepo, snapshot: Path) -> None:
    model = source.inspect()
    assert (model.repo_id, model.name, model.branch) == ("org/model", "model", "main")
    assert (model.revision, model.config, model.fetch_bytes) == (snapshot.name, CONFIG, 0)
    assert [tensor.name for tensor in model.tensors] == ["tensor.0", "tensor.1"]
    assert model.card["license"] == "apache-2.0"
    assert source.fetch(model, snapshot, Recorder()) == snapshot
    assert len(hub.requests) == 0


def test_a_commit_can_be_named(source: HubRepo, snapshot: Path) -> None:
    by_commit = HubRepo("org/model", "org/model", snapshot.name, source.connection)
    assert by_commit.inspect().revision == snapshot.name


@pytest.mark.parametrize("revision", ["dev", "0" * 40])
def test_another_revision_is_not_in_the_cache(source: HubRepo, snapshot: Path, revision: str) -> None:
    with pytest.raises(SourceUnreachable, match=revision) as offline:
        HubRepo("org/model", "org/model", revision, source.connection).inspect()
    assert offline.value.code == "offline"


@pytest.mark.parametrize("gone", [("model-00002-of-00002.safetensors",), ("model-*.safetensors",), ("*",)])
def test_half_a_model_is_refused(source: HubRepo, snapshot: Path, gone: tuple[str, ...]) -> None:
    for pattern in gone:
        for path in snapshot.glob(pattern):
            path.unlink()
    with pytest.raises(SourceUnreachable, match="cache") as offline:
        source.inspect()
    assert offline.value.code == "offline"


def test_a_blob_that_was_pruned_counts_as_missing(source: HubRepo, snapshot: Path) -> None:
    (snapshot / "model-00001-of-00002.safetensors").resolve().unlink()
    with pytest.raises(SourceUnreachable, match="partly"):
        source.inspect()


def test_a_damaged_file_is_noticed_and_left_alone(source: HubRepo, snapshot: Path) -> None:
    path = snapshot / "model-00001-of-00002.safetensors"
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    before = path.read_bytes()
    with pytest.raises(CorruptCheckpoint, match="damaged in the cache") as corrupt:
        source.fetch(source.inspect(), snapshot, Recorder())
    assert corrupt.value.code == "checksum"
    assert path.read_bytes() == before


def test_what_is_kept_is_described_and_taken_without_asking_anybody_who_could_answer(hub: Hub, source: HubRepo) -> None:
    assert source.cached() is None
    folder = source.fetch(source.inspect(), source.connection.cache, Recorder())
    hub.requests.clear()
    model = source.cached()
    assert model is not None
    assert (model.revision, len(model.tensors)) == (folder.name, 2)
    assert source.fetch(model, folder, Recorder()) == folder
    assert len(hub.requests) == 0
    next(folder.glob("model-*.safetensors")).unlink()
    assert source.cached() is None
