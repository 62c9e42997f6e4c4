"""What is known about a repo before a weight is fetched, and what that costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hubserver import Hub
from huggingface_hub import constants
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.repo import HubRepo

from mlx_convert_core import ModelInfo
from mlx_convert_core.plugin import CorruptCheckpoint, RunElsewhere, UseInstead

from .models import CONFIG, Recorder, model_files, safetensors


def inspect(connection: HubConnection, revision: str | None = None) -> ModelInfo:
    return HubRepo("org/model", "org/model", revision, connection).inspect()


def test_a_model_is_described_in_two_requests_and_one_for_each_shard(hub: Hub, connection: HubConnection) -> None:
    repo = hub.add_repo("org/model", model_files(shards=3, size=1 << 20))
    model = inspect(connection)
    assert (model.repo_id, model.name, model.revision, model.branch) == ("org/model", "model", repo.head.sha, "main")
    assert model.config == CONFIG
    assert model.page == f"{connection.site}/org/model"
    assert [tensor.name for tensor in model.tensors] == ["tensor.0", "tensor.1", "tensor.2"]
    assert {file.name: (file.size, file.oid) for file in model.files} == {
        name: (blob.size, blob.etag) for name, blob in repo.files.items() if "/" not in name and name[0] != "."
    }
    assert model.card == {"license": "apache-2.0", "language": ["en"], "base_model": "org/base", "tags": ["chat"]}
    shards = hub.requests.matching("safetensors$", origin="hub")
    others = [request for request in hub.requests if request.origin == "hub" and request not in shards]
    assert [request.path for request in others] == [
        "/api/models/org/model",
        f"/org/model/resolve/{repo.head.sha}/config.json",
    ]
    assert len(shards) == 3
    assert hub.requests.sent("safetensors$") < 3 * (1 << 18)


def test_a_gated_model_costs_one_request_more(
    hub: Hub, connection: HubConnection, settings: pytest.MonkeyPatch
) -> None:
    hub.add_repo("org/model", model_files(), gated="manual", accepted=("ann",))
    settings.setenv("HF_TOKEN", hub.token("ann"))
    assert inspect(connection).tensors
    assert len(hub.requests.matching("", origin="hub")) == 3 + 1


def test_what_the_cache_has_is_not_counted_as_to_fetch(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    model = inspect(connection)
    files = {file.name: file.size for file in model.files}
    wanted = ("config.json", "tokenizer.json", "README.md", "LICENSE", "model.safetensors")
    assert inspect(connection).fetch_bytes == sum(files[name] for name in wanted) - files["config.json"]
    source = HubRepo("org/model", "org/model", model.revision, connection)
    source.fetch(model, connection.cache, Recorder())
    hub.requests.clear()
    assert inspect(connection).fetch_bytes == 0
    assert len(hub.requests) == 1


@pytest.mark.parametrize("revision", ["dev", "v1.0", "refs/pr/1"])
def test_a_revision_becomes_a_commit_once(hub: Hub, connection: HubConnection, revision: str) -> None:
    repo = hub.add_repo("org/model", model_files())
    branch = revision if revision.startswith("refs/") else f"refs/heads/{revision}"
    commit = repo.commit({"config.json": json.dumps({**CONFIG, "hidden_size": 16})}, branch="main")
    repo.refs[branch] = commit
    repo.commit({"config.json": "{}"})
    model = inspect(connection, revision)
    assert (model.revision, model.branch, model.config["hidden_size"]) == (commit, revision, 16)


def test_a_big_header_takes_a_second_read(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", {**model_files(), "model.safetensors": safetensors("x" * 200_000, 10)})
    assert inspect(connection).tensors[0].parameters == 10


def test_a_server_that_ignores_ranges_is_not_read_to_the_end(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files(size=32 << 20))
    hub.fault("norange", path="safetensors$", times=None)
    assert inspect(connection).tensors[0].nbytes == 32 << 20
    assert hub.requests.sent("safetensors$") < 16 << 20


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "lfs_pointer"),
        (b"x" * 5000, "corrupt_header"),
    ],
)
def test_a_file_that_is_no_safetensors_is_named(hub: Hub, connection: HubConnection, content: bytes, code: str) -> None:
    hub.add_repo("org/model", {**model_files(), "model.safetensors": content})
    with pytest.raises(CorruptCheckpoint, match=r"model\.safetensors") as corrupt:
        inspect(connection)
    assert corrupt.value.code == code


def test_a_missing_shard_is_named(hub: Hub, connection: HubConnection) -> None:
    files = model_files(shards=3)
    del files["model-00002-of-00003.safetensors"]
    hub.add_repo("org/model", files)
    with pytest.raises(CorruptCheckpoint, match="model-00002-of-00003") as corrupt:
        inspect(connection)
    assert corrupt.value.code == "missing_shard"


def test_two_checkpoints_in_one_repo_are_told_before_a_weight_is_fetched(hub: Hub, connection: HubConnection) -> None:
    files = model_files(size=4 << 20)
    hub.add_repo("org/model", {**files, "model-00001-of-00001.safetensors": safetensors("tensor.0", 4 << 20)})
    with pytest.raises(
        CorruptCheckpoint, match=r"tensor\.0 of org/model is in both model-00001-of-00001\.safetensors and model\.saf"
    ) as corrupt:
        inspect(connection)
    assert corrupt.value.code == "mixed_shards"
    assert corrupt.value.remedies == (RunElsewhere("hf download org/model --local-dir model"), UseInstead("./model"))
    assert hub.requests.sent("safetensors$") < 1 << 20


def test_another_dtype_beside_the_model_is_not_fetched(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", {**model_files(), "model.fp16.safetensors": safetensors("tensor.0", 4 << 20)})
    model = inspect(connection)
    assert model.shards == ("model.safetensors",)
    assert model.fetch_bytes < 4 << 20


def test_weights_of_another_name_are_fetched(
    hub: Hub, connection: HubConnection, tmp_path: Path, settings: pytest.MonkeyPatch
) -> None:
    files = model_files()
    weights = files.pop("model.safetensors")
    hub.add_repo(
        "org/model", {**files, "pytorch_model.safetensors": weights, "adapter_model.safetensors": b"no header"}
    )
    repo = HubRepo("org/model", "org/model", None, connection)
    model = repo.inspect()
    assert model.shards == ("pytorch_model.safetensors",)
    assert (repo.fetch(model, tmp_path, Recorder()) / "pytorch_model.safetensors").read_bytes() == weights
    assert not hub.requests.matching("adapter_model")
    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    assert inspect(connection).shards == model.shards


def test_an_index_of_a_repo_tells_which_of_several_are_the_model(hub: Hub, connection: HubConnection) -> None:
    files = model_files()
    weights = files.pop("model.safetensors")
    several = {"ema.safetensors": weights, "weights.safetensors": weights}
    hub.add_repo("org/model", files | several)
    (told,) = inspect(connection).findings
    assert (told.code, told.remedies[-1]) == ("which_weights", UseInstead("./model"))
    index = json.dumps({"weight_map": {"tensor.0": "weights.safetensors"}})
    hub.add_repo("org/model", files | several | {"weights.safetensors.index.json": index})
    assert inspect(connection).shards == ("weights.safetensors",)


def test_weights_in_a_folder_of_a_repo_are_told(hub: Hub, connection: HubConnection) -> None:
    files = model_files()
    del files["pytorch_model.bin"]
    inner = {"bf16/model.safetensors": files.pop("model.safetensors"), "bf16/config.json": files["config.json"]}
    hub.add_repo("org/model", files | inner)
    (told,) = inspect(connection).findings
    assert (told.code, told.remedies[-1]) == ("weights_elsewhere", UseInstead("./model/bf16"))


def test_config_that_is_no_json_is_named(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", {**model_files(), "config.json": "<html>"})
    with pytest.raises(CorruptCheckpoint) as corrupt:
        inspect(connection)
    assert corrupt.value.code == "bad_json"


def test_an_adapter_names_its_base_model(hub: Hub, connection: HubConnection) -> None:
    config = json.dumps({"base_model_name_or_path": "org/base"})
    hub.add_repo("org/model", {"adapter_config.json": config, "adapter_model.safetensors": safetensors("a", 4)})
    assert inspect(connection).card["base_model"] == "org/base"


def test_a_short_trouble_of_the_hub_is_not_noticed(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    for status in (500, 503):
        hub.fault("status", status=status, path="/api/models/")
    hub.fault("status", status=429, retry_after=0, path="safetensors$")
    assert inspect(connection).tensors
