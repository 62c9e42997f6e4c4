"""A server that floods, drips, or refuses what it has is left in time, after a few tries with waits between them."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hubserver import Hub
from mlx_convert_hub.client.connection import ANSWER_BYTES, HubConnection
from mlx_convert_hub.fetch.download import TRIES
from mlx_convert_hub.fetch.repo import HubRepo

from mlx_convert_core import CONFIG_BYTES, MlxConvertError

from .models import Recorder, model_files

SHARD = r"model\.safetensors$"


def refusal(connection: HubConnection) -> MlxConvertError:
    with pytest.raises(MlxConvertError) as refused:
        HubRepo("org/model", "org/model", None, connection).inspect()
    return refused.value


def test_a_range_that_is_always_refused_is_asked_for_a_few_times(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    source = HubRepo("org/model", "org/model", None, connection)
    model = source.inspect()
    asked = hub.fault("status", status=416, path=SHARD, times=None)
    with pytest.raises(MlxConvertError) as refused:
        source.fetch(model, connection.cache, Recorder())
    assert refused.value.code == "odd_answer"
    assert asked.hits <= TRIES


def test_one_refused_range_is_no_harm(hub: Hub, connection: HubConnection) -> None:
    repo = hub.add_repo("org/model", model_files())
    source = HubRepo("org/model", "org/model", None, connection)
    model = source.inspect()
    hub.fault("status", status=416, path=SHARD, times=1)
    folder = source.fetch(model, connection.cache, Recorder())
    assert (folder / "model.safetensors").read_bytes() == repo.read("model.safetensors")


def test_a_config_of_many_megabytes_is_not_fetched(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", {**model_files(size=8), "config.json": b" " * (CONFIG_BYTES + 1)})
    assert refusal(connection).code == "too_big"
    assert hub.requests.sent(r"config\.json") == 0


@pytest.mark.parametrize("path", [r"config\.json$", SHARD, r"api/models"])
def test_an_answer_that_drips_is_not_waited_for(hub: Hub, connection: HubConnection, path: str) -> None:
    hub.add_repo("org/model", model_files(size=1 << 18))
    hub.fault("slow", rate=20, path=path, times=None)
    assert refusal(replace(connection, answer_seconds=0.5)).code == "timeout"


class _Bomb(BaseHTTPRequestHandler):
    """Answers every question with a JSON text far larger than what is sent, or that never ends."""

    endless = False

    def do_GET(self) -> None:
        self.send_response(200)
        if self.endless:
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * (1 << 20))
            except OSError:
                return
        body = gzip.compress(json.dumps({"id": "org/model", "x": "0" * (2 * ANSWER_BYTES)}).encode())
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(params=["compressed", "endless"])
def bomb(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Bomb", (_Bomb,), {"endless": request.param == "endless"})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_flood_is_cut_and_a_compressed_one_never_unpacked(
    bomb: str, settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connection = HubConnection(endpoint=bomb, cache=tmp_path / "cache", timeout=5, stall_seconds=1, pause=0.01)
    assert refusal(connection).code == "odd_answer"
