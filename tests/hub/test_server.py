"""The test server against the real client: what works, and what each fault looks like from the client's side."""

from __future__ import annotations

from hubserver import Hub
from hubserver.fixture import Client


def test_a_snapshot_has_the_bytes_of_the_repo(hub: Hub, client: Client) -> None:
    repo = hub.add_repo("org/model", {"config.json": "{}", "model.safetensors": bytes(range(256)) * 1000})
    folder = client("hf.snapshot_download('org/model')").value
    for name in repo.files:
        with open(f"{folder}/{name}", "rb") as file:
            assert file.read() == repo.read(name)
