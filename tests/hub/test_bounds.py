"""A server that floods, drips, or refuses what it has is left in time, after a few tries with waits between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hubserver import Hub
from hubserver.repos import Repo
from mlx_convert_hub.client import connection as connecting
from mlx_convert_hub.client.account import HubAccount
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.client.patience import OddAnswer
from mlx_convert_hub.fetch.download import TRIES
from mlx_convert_hub.fetch.repo import HubRepo
from mlx_convert_hub.search.published import conversions
from mlx_convert_hub.send.hub_target import HubTarget

from mlx_convert_core import MlxConvertError, UploadRequest
from mlx_convert_core.base.limits import HEADER_BYTES
from mlx_convert_core.plugin import CONFIG_BYTES

from .models import Recorder, converted_folder, model_files

INFO = "/api/models/org/model"
SHARD = r"model\.safetensors$"
PACKED = {"Content-Encoding": "gzip"}
ROOM = 32 << 20  # bytes that are on their way when we hang up, three times


@pytest.fixture
def repo(hub: Hub) -> Repo:
    return hub.add_repo("org/model", model_files(size=1 << 18))


@pytest.fixture
def source(repo: Repo, connection: HubConnection) -> HubRepo:
    return HubRepo("org/model", "org/model", None, connection)


def error_of(action: Callable[[], object]) -> MlxConvertError:
    with pytest.raises(MlxConvertError) as caught:
        action()
    return caught.value


# Too much


@pytest.mark.parametrize("headers", [{}, PACKED], ids=["plain", "packed"])
@pytest.mark.parametrize("status", [200, 302, 500])
def test_a_flood_is_cut_and_a_packed_one_never_unpacked(
    hub: Hub, source: HubRepo, monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(connecting, "ANSWER_BYTES", 2_000_000)
    hub.fault("endless", path=INFO, status=status, headers={"Location": hub.url, **headers}, times=None)
    assert error_of(source.inspect).code == "odd_answer"
    assert hub.requests.sent(INFO) < ROOM


def test_a_file_that_is_an_endless_error_is_left(hub: Hub, source: HubRepo) -> None:
    model = source.inspect()
    hub.fault("endless", path=SHARD, status=404, times=None)
    assert error_of(lambda: source.fetch(model, Path(), Recorder())).code
    assert hub.requests.sent(SHARD) < ROOM


def test_what_is_asked_beside_is_left_too(hub: Hub, connection: HubConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "ANSWER_BYTES", 2_000_000)
    hub.fault("endless", status=200, headers=PACKED, times=None)
    with pytest.raises(OddAnswer):
        conversions(connection, "org/Tiny")
    monkeypatch.setenv("HF_TOKEN", hub.token("ann"))
    assert HubAccount(connection_to=connection).state().problem
    assert hub.requests.sent("/api") < ROOM


def test_a_receipt_without_end_is_left(
    hub: Hub, connection: HubConnection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.token("ann"))
    target = HubTarget(connection_to=replace(connection, stall_seconds=10))
    hub.fault("endless", path="/api/repos/create", status=200)
    asked = UploadRequest(target="hub", path=converted_folder(tmp_path / "Tiny-4bit"), name="ann/Tiny-4bit")
    request = target.check(asked)
    assert error_of(lambda: target.upload(request, Recorder("upload"))).code == "odd_answer"
    assert hub.requests.sent("/api/repos/create") < ROOM


def test_a_config_of_many_megabytes_is_not_fetched(hub: Hub, repo: Repo, source: HubRepo) -> None:
    repo.claim("config.json", size=CONFIG_BYTES + 1)
    error = error_of(source.inspect)
    assert (error.code, f"{CONFIG_BYTES + 1:,}" in error.message) == ("too_big", True)
    assert not hub.requests.matching("/resolve/")


def test_a_header_of_many_megabytes_is_not_fetched(hub: Hub, connection: HubConnection) -> None:
    length = HEADER_BYTES + 1
    content = length.to_bytes(8, "little") + b"{" + bytes(length)
    hub.add_repo("org/model", {**model_files(), "model.safetensors": content})
    assert error_of(HubRepo("org/model", "org/model", None, connection).inspect).code == "too_big"
    assert hub.requests.sent(SHARD) < ROOM


def test_addresses_that_lead_from_one_to_the_next_are_left(hub: Hub, source: HubRepo) -> None:
    hub.fault("status", path=INFO, status=302, headers={"Location": f"{hub.url}{INFO}"}, times=None)
    assert error_of(source.inspect).code == "redirects"
    assert len(hub.requests) < 30


# Too slow


@pytest.mark.parametrize("path", [INFO, r"config\.json$", SHARD])
@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_an_answer_that_drips_is_not_waited_for(hub: Hub, source: HubRepo, kind: str, path: str) -> None:
    brief = replace(source.connection, answer_seconds=0.5)
    hub.fault(kind, path=path, status=200, rate=20, times=None)
    assert error_of(HubRepo("org/model", "org/model", None, brief).inspect).code == "timeout"
    assert len([request for request in hub.requests.matching(path) if request.origin == "hub"]) == 1


def test_a_download_whose_answer_does_not_begin_is_tried_again(hub: Hub, repo: Repo, source: HubRepo) -> None:
    brief = replace(source.connection, timeout=0.2, stall_seconds=0.2)
    hub.fault("drip", path=SHARD, origin="cdn", status=200, skip=1)  # after the header
    source = HubRepo("org/model", "org/model", None, brief)
    folder = source.fetch(source.inspect(), Path(), Recorder())
    assert (folder / "model.safetensors").read_bytes() == repo.read("model.safetensors")


# Nothing


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"kind": "status", "status": 416}, "odd_answer"),
        ({"kind": "endless", "status": 200, "after": 0}, "connection_lost"),
        ({"kind": "endless", "status": 206, "after": 0}, "connection_lost"),
        ({"kind": "endless", "status": 200, "after": 1000}, "connection_lost"),
    ],
    ids=["range refused", "an empty file", "an empty range", "the same beginning"],
)
def test_a_server_that_brings_nothing_new_is_asked_a_few_times_with_waits(
    hub: Hub, source: HubRepo, order: dict[str, object], code: str
) -> None:
    model = source.inspect()
    only = replace(model, files=tuple(file for file in model.files if file.name == "model.safetensors"))
    fault = hub.fault(**order, path=SHARD, times=None)
    report = Recorder()
    assert error_of(lambda: source.fetch(only, Path(), report)).code == code
    assert TRIES <= fault.hits <= TRIES + 1
    assert len([told for told in report.messages if "goes on in" in told]) >= TRIES - 1


def test_one_refused_range_is_no_harm(hub: Hub, repo: Repo, source: HubRepo) -> None:
    model = source.inspect()
    hub.fault("status", status=416, path=SHARD, times=1)
    folder = source.fetch(model, Path(), Recorder())
    assert (folder / "model.safetensors").read_bytes() == repo.read("model.safetensors")
