"""Repos whose weights are files of torch: the Hub's own safetensors are preferred; else the files are read in place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hubserver import Hub
from lm.random_llama import write_llama
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.offline import CONVERTED
from mlx_convert_hub.fetch.repo import HubRepo
from samples.torch_files import as_torch, text, torch_zip

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import CorruptCheckpoint

SHARDS = 3


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    return write_llama(tmp_path / "source", layers=2)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_the_hub_has_made_safetensors_of_is_taken_and_named(
    hub: Hub, workspace: Workspace, llama: Path, tmp_path: Path
) -> None:
    repo = hub.add_repo("org/llama", folder=as_torch(llama, tmp_path / "torch"))
    sha = repo.commit(files_of(llama), branch=CONVERTED)
    request = ConvertRequest(ref="org/llama", preset="4bit", output=tmp_path / "out")
    plan = workspace.plan(request)
    assert (plan.model.revision, plan.model.branch) == (sha, CONVERTED)
    assert [finding.code for finding in plan.findings] == ["safetensors_branch"]
    assert CONVERTED in plan.findings[0].message
    workspace.convert(request, inline=True).result()
    record = json.loads((tmp_path / "out" / "mlx_convert.json").read_bytes())
    assert record["source"]["revision"] == sha
    assert any(CONVERTED in finding["message"] for finding in record["findings"])
    assert not hub.requests.matching(r"\.bin$")


def test_without_one_the_files_of_torch_are_planned_from_their_lists_and_read_as_they_come(
    hub: Hub, workspace: Workspace, llama: Path, tmp_path: Path
) -> None:
    folder = as_torch(llama, tmp_path / "torch", shards=SHARDS, turned=True)
    hub.add_repo("org/llama", folder=folder)
    request = ConvertRequest(ref="org/llama", preset="4bit", output=tmp_path / "out", discard_source=True)
    plan = workspace.plan(request)
    assert [finding.code for finding in plan.findings] == ["from_torch"]
    assert plan.outputs[0].exact
    workspace.convert(request, inline=True).result()
    workspace.convert(ConvertRequest(ref=str(llama), preset="4bit", output=tmp_path / "same"), inline=True).result()
    written = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert written == (tmp_path / "same" / "model.safetensors").read_bytes()
    assert len(written) == plan.outputs[0].weight_bytes
    assert not list((tmp_path / "cache").rglob("*.bin"))


def test_a_list_of_tensors_is_read_from_afar_without_a_weight(
    hub: Hub, connection: HubConnection, tmp_path: Path
) -> None:
    big = write_llama(tmp_path / "big", layers=2, hidden=256)
    path = as_torch(big, tmp_path / "torch") / "pytorch_model.bin"
    hub.add_repo("org/llama", folder=path.parent)
    model = HubRepo("org/llama", "org/llama", None, connection).inspect()
    assert model.shards == ("pytorch_model.bin",)
    read = sum(request.sent for request in hub.requests.matching(r"\.bin$", origin="cdn"))
    assert read <= 3 << 17 < path.stat().st_size


def test_a_revision_that_is_named_is_the_one_that_is_taken(
    hub: Hub, connection: HubConnection, llama: Path, tmp_path: Path
) -> None:
    repo = hub.add_repo("org/llama", folder=as_torch(llama, tmp_path / "torch"))
    repo.commit(files_of(llama), branch=CONVERTED)
    model = HubRepo("org/llama", "org/llama", "main", connection).inspect()
    assert model.shards == ("pytorch_model.bin",)


def test_a_hostile_file_is_refused_before_it_is_fetched(hub: Hub, connection: HubConnection, llama: Path) -> None:
    hostile = torch_zip({}, {}, b"\x80\x02cposix\nsystem\n" + text("echo owned") + b"\x85R.")
    weights = {"model.safetensors": None, "pytorch_model.bin": hostile}
    hub.add_repo("org/llama", folder=llama).commit(weights)
    with pytest.raises(CorruptCheckpoint, match=r"posix\.system") as caught:
        HubRepo("org/llama", "org/llama", None, connection).inspect()
    assert caught.value.code == "pickle_refused"
    assert not list(connection.cache.rglob("*.bin"))
