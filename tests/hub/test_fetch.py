"""Fetching a model into the Hugging Face cache: whole, once, and right."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hubserver import Hub
from hubserver.fixture import Client
from hubserver.repos import Repo
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.cache import RepoCache
from mlx_convert_hub.fetch.repo import HubRepo

from mlx_convert_core import Cancelled, ModelInfo, SourceError
from mlx_convert_core.plugin import CorruptCheckpoint

from .models import Recorder, model_files

SHARD = r"model\.safetensors$"
NEEDED = {"config.json", "tokenizer.json", "README.md", "LICENSE", "model.safetensors"}
MIB = 1 << 20


@pytest.fixture
def repo(hub: Hub) -> Repo:
    return hub.add_repo("org/model", model_files(size=4 * MIB))


@pytest.fixture
def source(connection: HubConnection) -> HubRepo:
    return HubRepo("org/model", "org/model", None, connection)


@pytest.fixture
def model(repo: Repo, source: HubRepo, hub: Hub) -> ModelInfo:
    """The repo as it was inspected; the log is empty again."""
    model = source.inspect()
    hub.requests.clear()
    return model


def fetch(source: HubRepo, model: ModelInfo, report: Recorder | None = None) -> Path:
    return source.fetch(model, source.connection.cache, report or Recorder())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def expected(repo: Repo) -> dict[str, bytes]:
    return {name: repo.read(name) for name in NEEDED}


def weights(repo: Repo) -> int:
    return repo.files["model.safetensors"].size


def leftovers(connection: HubConnection) -> list[str]:
    return [path.name for path in connection.cache.rglob("*.incomplete")]


# Whole, once


def test_only_what_a_conversion_needs_is_fetched(hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo) -> None:
    folder = fetch(source, model)
    assert contents(folder) == expected(repo)
    asked = {request.path.rpartition("/")[2] for request in hub.requests}
    assert asked == NEEDED - {"config.json"}


def test_a_second_fetch_asks_nothing(hub: Hub, source: HubRepo, model: ModelInfo) -> None:
    folder = fetch(source, model)
    hub.requests.clear()
    assert fetch(source, model) == folder
    assert len(hub.requests) == 0


def test_the_cache_is_the_clients_own(hub: Hub, source: HubRepo, model: ModelInfo, client: Client) -> None:
    folder = fetch(source, model)
    cache = str(source.connection.cache)
    hub.requests.clear()
    found = client("hf.hf_hub_download('org/model', 'model.safetensors')", HF_HUB_CACHE=cache, HF_HUB_OFFLINE="1")
    assert found.value == str(folder / "model.safetensors")
    assert client("hf.verify_repo_checksums('org/model').mismatches", HF_HUB_CACHE=cache).value == []
    snapshot = "hf.snapshot_download('org/model', allow_patterns=['*.json', '*.safetensors', 'LICENSE', 'README.md'])"
    assert client(snapshot, HF_HUB_CACHE=cache).value == str(folder)
    assert hub.requests.sent("/resolve/") == 0


def test_what_the_client_fetched_is_used(
    hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo, client: Client
) -> None:
    patterns = "allow_patterns=['*.json', '*.safetensors', 'LICENSE', 'README.md']"
    client(f"hf.snapshot_download('org/model', {patterns})", HF_HUB_CACHE=str(source.connection.cache))
    hub.requests.clear()
    assert contents(fetch(source, model)) == expected(repo)
    assert len(hub.requests) == 0


def test_a_new_commit_fetches_what_changed(hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo) -> None:
    fetch(source, model)
    repo.commit({"README.md": "new"})
    hub.requests.clear()
    folder = fetch(source, source.inspect())
    assert contents(folder) == expected(repo)
    asked = [request.path.rpartition("/")[2] for request in hub.requests.matching("/resolve/")]
    assert asked == ["README.md"]


def test_the_branch_is_remembered_only_when_all_is_there(repo: Repo, source: HubRepo, model: ModelInfo) -> None:
    cache = RepoCache(source.connection.cache, "org/model")
    assert cache.commit_of("main") is None
    fetch(source, model)
    assert cache.commit_of("main") == repo.head.sha


def test_progress_counts_the_bytes_of_all_files(repo: Repo, source: HubRepo, model: ModelInfo) -> None:
    report = Recorder()
    fetch(source, model, report)
    total = sum(repo.files[name].size for name in NEEDED)
    assert {step[1] for step in report.steps} == {total}
    done = [step[0] for step in report.steps]
    assert done == sorted(done)
    assert done[-1] == total
    assert len(done) > 20
    assert report.found < 1000  # only what the verdict had read
    again = Recorder()
    fetch(source, model, again)
    assert again.found == total


def test_shards_are_handed_on_as_they_arrive(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files(shards=6, size=MIB))
    source = HubRepo("org/model", "org/model", None, connection)
    model = source.inspect()
    hub.fault("delay", seconds=0.5, path="model-00006", times=1)
    arrived: list[tuple[str, int]] = []
    report = Recorder()
    source.stream(model, connection.cache, report, lambda path: arrived.append((path.name, path.stat().st_size)))
    assert sorted(arrived) == [(file.name, file.size) for file in model.files if "safetensors" in file.name]
    assert arrived[-1][0] == "model-00006-of-00006.safetensors"


# Through trouble


@pytest.mark.parametrize("kind", ["drop", "reset", "stall"])
def test_a_broken_connection_goes_on_where_it_was(
    hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo, kind: str
) -> None:
    hub.fault(kind, path=SHARD, after=2 * MIB)
    report = Recorder()
    assert contents(fetch(source, model, report)) == expected(repo)
    first, second = hub.requests.matching(SHARD, origin="cdn")
    assert (first.sent, second.status) == (2 * MIB, 206)
    assert weights(repo) - 2 * MIB <= second.sent < weights(repo) - MIB  # a reset overtakes some bytes
    assert any("goes on" in text for text in report.messages)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("origin", ["hub", "cdn"])
def test_trouble_of_the_hub_is_waited_for(
    hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo, status: int, origin: str
) -> None:
    hub.fault("status", status=status, path=SHARD, origin=origin, times=2)
    assert contents(fetch(source, model)) == expected(repo)


def test_the_hub_says_how_long_to_wait(hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo) -> None:
    hub.fault("status", status=429, retry_after=1, path=SHARD)
    report = Recorder()
    began = time.monotonic()
    fetch(source, model, report)
    assert time.monotonic() - began >= 1
    assert any("slow down" in text and "1 s" in text for text in report.messages)


def test_an_ignored_range_begins_anew(hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo) -> None:
    hub.fault("drop", path=SHARD, after=2 * MIB)
    hub.fault("norange", path=SHARD, skip=1)
    report = Recorder()
    assert contents(fetch(source, model, report)) == expected(repo)
    assert report.steps[-1][0] == report.steps[-1][1]


def test_what_an_earlier_run_left_is_gone_on_with(hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo) -> None:
    hub.fault("drop", path=SHARD, after=3 * MIB, times=1)
    hub.fault("status", status=404, path=SHARD, origin="hub", skip=1)
    with pytest.raises(SourceError, match=r"no file model\.safetensors"):
        fetch(source, model)
    assert len(leftovers(source.connection)) == 1
    hub.faults.clear()
    hub.requests.clear()
    assert source.inspect().fetch_bytes <= weights(repo) - 3 * MIB
    hub.requests.clear()
    assert contents(fetch(source, model)) == expected(repo)
    assert hub.requests.sent(SHARD) <= 2 * MIB
    assert leftovers(source.connection) == []


def test_a_huge_file_comes_in_pieces(
    hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlx_convert_hub.fetch.download.PIECE", MIB)
    hub.fault("drop", path=SHARD, after=MIB // 2, skip=1)
    report = Recorder()
    assert contents(fetch(source, model, report)) == expected(repo)
    assert max(request.sent for request in hub.requests.matching(SHARD, origin="cdn")) == MIB
    assert sum(request.sent for request in hub.requests.matching(SHARD, origin="cdn")) == weights(repo)
    assert report.steps[-1][0] == report.steps[-1][1]


# Right


@pytest.mark.parametrize("at", [0, 12_345, 4 * MIB])
def test_a_flipped_bit_is_noticed_and_the_file_fetched_again(
    hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo, at: int
) -> None:
    hub.fault("corrupt", path=SHARD, at=at)
    report = Recorder()
    assert contents(fetch(source, model, report)) == expected(repo)
    assert any("other bytes" in text for text in report.messages)
    assert report.steps[-1][0] == report.steps[-1][1]


def test_files_in_xet_storage_come_over_http_and_are_checked_too(
    hub: Hub, repo: Repo, connection: HubConnection
) -> None:
    hub.use_xet()
    source = HubRepo("org/model", "org/model", None, connection)
    model = source.inspect()
    hub.fault("corrupt", path=SHARD, at=2 * MIB)
    report = Recorder()
    assert contents(fetch(source, model, report)) == expected(repo)
    assert any("other bytes" in text for text in report.messages)
    assert not hub.requests.matching("xet-read-token")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_wrong_bytes_twice_are_refused(hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo, name: str) -> None:
    hub.fault("corrupt", path=f"{name}$", at=1, times=None)
    with pytest.raises(CorruptCheckpoint, match=name) as corrupt:
        fetch(source, model)
    assert corrupt.value.code == "checksum"
    assert not (RepoCache(source.connection.cache, "org/model").snapshot(repo.head.sha) / name).exists()


@pytest.mark.parametrize(("times", "refused"), [(1, False), (None, True)])
def test_a_file_of_another_length_is_fetched_again_then_refused(
    hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo, times: int | None, refused: bool
) -> None:
    hub.fault("truncated", path=SHARD, after=MIB, times=times)
    if not refused:
        assert contents(fetch(source, model)) == expected(repo)
        return
    with pytest.raises(CorruptCheckpoint, match="should have") as corrupt:
        fetch(source, model)
    assert corrupt.value.code == "size_mismatch"


def test_a_file_that_is_damaged_in_the_cache_is_fetched_again(
    hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo
) -> None:
    path = fetch(source, model) / "model.safetensors"
    with path.open("r+b") as file:
        file.seek(MIB)
        file.write(b"damage")
    report = Recorder()
    assert contents(fetch(source, model, report)) == expected(repo)
    assert any("damaged in the cache" in text for text in report.messages)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == model_oid(model)


def test_a_damaged_partial_file_is_begun_anew(hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo) -> None:
    cache = RepoCache(source.connection.cache, "org/model")
    file = next(file for file in model.files if file.name == "model.safetensors")
    partial = cache.partial(file, str(model.revision))
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(b"damage" * 1000)
    assert contents(fetch(source, model)) == expected(repo)


def model_oid(model: ModelInfo) -> str | None:
    return next(file.oid for file in model.files if file.name == "model.safetensors")


# Cancelled, and at the same time


@pytest.mark.parametrize("kind", ["slow", "stall", "delay"])
def test_a_cancel_takes_effect_at_once(hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo, kind: str) -> None:
    hub.fault(kind, path=SHARD, after=MIB if kind == "stall" else None, rate=MIB, seconds=3, times=None)
    patient = HubRepo("org/model", "org/model", None, HubConnection(endpoint=hub.url, cache=source.connection.cache))
    report = Recorder()
    raised: list[BaseException] = []
    thread = in_background(lambda: fetch(patient, model, report), raised)
    wait_until(lambda: bool(hub.requests.matching(SHARD)))
    time.sleep(0.2)
    began = time.monotonic()
    report.cancelled.set()
    thread.join(10)
    assert isinstance(raised[0], Cancelled)
    assert time.monotonic() - began < 2  # measured: 0.1; the test machine may be busy
    report.cancelled.clear()
    hub.faults.clear()
    assert contents(fetch(source, model, report)) == expected(repo)


def test_two_at_once_fetch_every_byte_once(hub: Hub, repo: Repo, source: HubRepo, model: ModelInfo) -> None:
    hub.fault("slow", path=SHARD, rate=8 * MIB, times=None)
    raised: list[BaseException] = []
    threads = [in_background(lambda: fetch(source, model), raised) for _ in range(2)]
    for thread in threads:
        thread.join(30)
    assert raised == []
    assert sum(request.sent for request in hub.requests.matching(SHARD, origin="cdn")) == weights(repo)


def test_the_token_stays_with_the_hub(hub: Hub, connection: HubConnection, settings: pytest.MonkeyPatch) -> None:
    hub.add_repo("ann/model", model_files(), private=True)
    settings.setenv("HF_TOKEN", hub.token("ann"))
    source = HubRepo("ann/model", "ann/model", None, connection)
    fetch(source, source.inspect())
    assert {request.authorized for request in hub.requests if request.origin == "hub"} == {True}
    assert {request.authorized for request in hub.requests if request.origin == "cdn"} == {False}
    token = os.environ["HF_TOKEN"].encode()
    assert not [path for path in connection.cache.rglob("*") if path.is_file() and token in path.read_bytes()]


def in_background(work: Callable[[], object], raised: list[BaseException]) -> threading.Thread:
    def body() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    return thread


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
