"""What the Hub says is somebody else's word: names that would lead elsewhere, pickle, links."""

from __future__ import annotations

from pathlib import Path

import pytest
from hubserver import Hub
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.listing import is_safe_name
from mlx_convert_hub.fetch.repo import HubRepo

from .models import Recorder, model_files

HOSTILE = [
    "../escaped.json", "a/../../escaped.json", "/etc/escaped.json", "//host/escaped.json", "..", ".", "",
    "C:\\escaped.json", "..\\escaped.json", "\\\\host\\escaped.json", ".git/hooks/post-checkout", ".escaped.json",
    "escaped\n.json", "escaped\x00.json", "escaped\x1b[2J.json", "escaped\u202e.json", "escaped.json\r",
    "below/config.json", "~/escaped.json", "-escaped.json", "escaped.json.", "con|escaped.json",
    "model.safetensors.incomplete", "x" * 300,
]  # fmt: skip
NEVER_FETCHED = ["pytorch_model.bin", "model.pt", "model.pth", "weights.pkl", "modeling_own.py", "x.h5", "x.npz"]


@pytest.mark.parametrize("name", [*HOSTILE, None, 7])
def test_a_name_that_leads_elsewhere_is_no_name(name: object) -> None:
    assert not is_safe_name(name)


@pytest.mark.parametrize("name", ["config.json", "model-00001-of-00002.safetensors", "chat_template.jinja", "LICENSE"])
def test_a_plain_name_is_one(name: str) -> None:
    assert is_safe_name(name)


def test_hostile_names_and_pickle_are_never_asked_for_or_written(
    hub: Hub, connection: HubConnection, tmp_path: Path
) -> None:
    hostile = {name: "owned" for name in HOSTILE if name}
    pickle = dict.fromkeys(NEVER_FETCHED, b"\x80\x04cos\nsystem\n")
    hub.add_repo("org/model", {**model_files(), **hostile, **pickle})
    before = everything(tmp_path)
    source = HubRepo("org/model", "org/model", None, connection)
    model = source.inspect()
    names = {file.name for file in model.files}
    assert names.isdisjoint(hostile)
    folder = source.fetch(model, tmp_path / "scratch", Recorder())
    written = everything(tmp_path) - before
    assert all(path.is_relative_to(connection.cache) for path in written)
    assert not [path for path in written if path.is_file() and path.read_bytes() == b"owned"]
    assert {path.name for path in folder.iterdir()}.isdisjoint(NEVER_FETCHED)
    asked = " ".join(request.path for request in hub.requests)
    assert "escaped" not in asked
    assert not any(name in asked for name in NEVER_FETCHED)


def test_links_in_the_cache_lead_to_its_own_blobs(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files(shards=2))
    source = HubRepo("org/model", "org/model", None, connection)
    folder = source.fetch(source.inspect(), connection.cache, Recorder())
    blobs = folder.parents[1] / "blobs"
    assert all(path.is_symlink() and path.resolve().parent == blobs.resolve() for path in folder.iterdir())


def test_a_link_that_was_planted_in_the_cache_is_not_written_through(
    hub: Hub, connection: HubConnection, tmp_path: Path
) -> None:
    repo = hub.add_repo("org/model", model_files())
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    source = HubRepo("org/model", "org/model", None, connection)
    snapshot = connection.cache / "models--org--model" / "snapshots" / repo.head.sha
    snapshot.mkdir(parents=True)
    (snapshot / "tokenizer.json").symlink_to(precious)
    source.fetch(source.inspect(), connection.cache, Recorder())
    assert precious.read_text() == "mine"
    assert (snapshot / "tokenizer.json").read_bytes() == repo.read("tokenizer.json")


@pytest.mark.parametrize("claim", [-1, 1 << 60])
def test_a_size_that_can_not_be_is_no_file(hub: Hub, connection: HubConnection, claim: int) -> None:
    hub.add_repo("org/model", model_files()).claim("tokenizer.json", size=claim)
    model = HubRepo("org/model", "org/model", None, connection).inspect()
    assert "tokenizer.json" not in {file.name for file in model.files}


def everything(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "hub" not in path.relative_to(folder).parts[:1]}
