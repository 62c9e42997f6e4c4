"""Xet against the test server, with hf_xet's own code on both sides."""

from __future__ import annotations

import os
from pathlib import Path

from hubserver import Hub, refusing_address
from hubserver.fixture import Client

WEIGHTS = bytes(range(256)) * 8000
SNAPSHOT = "hf.snapshot_download('org/model')"
HASTY = {"HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "1", "HF_XET_CLIENT_RETRY_MAX_DURATION": "1s"}


def test_a_snapshot_comes_through_xet(hub: Hub, client: Client) -> None:
    hub.add_repo("org/model", {"config.json": "{}", "model.safetensors": WEIGHTS})
    hub.use_xet()
    outcome = client(SNAPSHOT)
    assert (Path(outcome.value) / "model.safetensors").read_bytes() == WEIGHTS
    assert len(hub.requests.matching("xet-read-token")) == 1
    assert not hub.requests.matching(origin="cdn")


def test_the_same_repo_comes_without_xet(hub: Hub, client: Client) -> None:
    hub.add_repo("org/model", {"model.safetensors": WEIGHTS})
    hub.use_xet()
    outcome = client(SNAPSHOT, HF_HUB_DISABLE_XET="1")
    assert (Path(outcome.value) / "model.safetensors").read_bytes() == WEIGHTS
    assert len(hub.requests.matching(origin="cdn")) == 1


def test_unreachable_xet_storage_is_a_bare_runtime_error(hub: Hub, client: Client) -> None:
    hub.add_repo("org/model", {"model.safetensors": WEIGHTS})
    with refusing_address() as url:
        hub.use_xet(cas=url)
        outcome = client(SNAPSHOT, **HASTY)
    assert outcome.errors[0] == "RuntimeError"
    assert "CAS" in outcome.message


def test_an_upload_goes_through_xet(hub: Hub, client: Client, tmp_path: Path) -> None:
    hub.add_repo("ann/model", {"a.txt": "a"})
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(os.urandom(300_000))
    hub.use_xet().expect(folder)
    upload = f"hf.upload_folder(repo_id='ann/model', folder_path='{folder}')"
    assert client(upload, token=hub.token("ann")).errors == ()
    assert not hub.requests.matching(method="PUT")
    assert hub.requests.matching("xet-write-token")
    folder_again = Path(client("hf.snapshot_download('ann/model')").value)
    assert (folder_again / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
