"""Each fault of the test server, as the real client meets it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hubserver import Hub, refusing_address, silent_address
from hubserver.client import start
from hubserver.fixture import Client
from hubserver.repos import Repo

CHUNK = 10 << 20
WEIGHTS = bytes(range(256)) * (5 * CHUNK // 2 // 256)
SNAPSHOT = "hf.snapshot_download('org/model')"
SHARD = r"model\.safetensors$"
IMPATIENT = {"HF_HUB_DOWNLOAD_TIMEOUT": "1", "HF_HUB_ETAG_TIMEOUT": "1"}


@pytest.fixture
def repo(hub: Hub) -> Repo:
    """A repo with one LFS file of 25 MiB: two and a half of the client's chunks."""
    return hub.add_repo("org/model", {"config.json": "{}", "model.safetensors": WEIGHTS})


def weights(folder: str) -> bytes:
    return (Path(folder) / "model.safetensors").read_bytes()


# While a file comes


@pytest.mark.parametrize("kind", ["drop", "stall"])
def test_an_interrupted_file_resumes_within_the_run(hub: Hub, repo: Repo, client: Client, kind: str) -> None:
    fault = hub.fault(kind, path=SHARD, after=CHUNK + CHUNK // 2)
    assert weights(client(SNAPSHOT, **IMPATIENT).value) == WEIGHTS
    first, second = hub.requests.matching(SHARD, method="GET", origin="cdn")
    assert (fault.hits, first.fault, first.sent) == (1, kind, CHUNK + CHUNK // 2)
    assert (second.range, second.status, second.sent) == (f"bytes={CHUNK}-", 206, len(WEIGHTS) - CHUNK)


def test_a_reset_connection_fails_at_once(hub: Hub, repo: Repo, client: Client) -> None:
    hub.fault("reset", path=SHARD, after=CHUNK)
    assert client(SNAPSHOT).errors[0] == "ReadError"


def test_an_ignored_range_begins_anew(hub: Hub, repo: Repo, client: Client) -> None:
    hub.fault("drop", path=SHARD, after=2 * CHUNK)
    hub.fault("norange", path=SHARD)
    assert weights(client(SNAPSHOT).value) == WEIGHTS
    _, second = hub.requests.matching(SHARD, method="GET", origin="cdn")
    assert second.range is not None
    assert (second.status, second.sent) == (200, len(WEIGHTS))


def test_a_flipped_bit_passes_unseen(hub: Hub, repo: Repo, client: Client) -> None:
    hub.fault("corrupt", path=SHARD, at=12_345)
    got = weights(client(SNAPSHOT).value)
    assert [i for i in range(12_300, 12_400) if got[i] != WEIGHTS[i]] == [12_345]
    assert len(got) == len(WEIGHTS)


def test_a_false_etag_names_the_blob(hub: Hub, repo: Repo, client: Client) -> None:
    hub.fault("etag", path=SHARD, times=None)
    folder = Path(client(SNAPSHOT).value)
    assert (folder / "model.safetensors").resolve().name == "0" * 64


@pytest.mark.parametrize("kind", ["truncated", "size", "html"])
def test_a_wrong_size_is_noticed(hub: Hub, repo: Repo, client: Client, kind: str) -> None:
    hub.fault(kind, path=SHARD, method="HEAD" if kind == "size" else "GET")
    outcome = client(SNAPSHOT)
    assert outcome.errors == ("OSError",)
    assert "Consistency check failed" in outcome.message


def test_a_slow_server_only_takes_longer(hub: Hub, repo: Repo, client: Client) -> None:
    fault = hub.fault("slow", path=SHARD, rate=100 << 20)
    assert weights(client(SNAPSHOT).value) == WEIGHTS
    assert fault.hits == 1


def test_nothing_resumes_after_a_kill(hub: Hub, repo: Repo, client: Client) -> None:
    hub.fault("stall", path=SHARD, after=2 * CHUNK)
    with start(hub, SNAPSHOT) as process:
        while hub.requests.sent(SHARD) < 2 * CHUNK:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    hub.requests.clear()
    assert weights(client(SNAPSHOT).value) == WEIGHTS
    assert hub.requests.sent(SHARD) >= len(WEIGHTS)


# Answers of the site


def test_an_error_on_a_file_fails_at_once(hub: Hub, repo: Repo, client: Client) -> None:
    hub.fault("status", status=500, path=SHARD, method="GET")
    assert client(SNAPSHOT).errors[0] == "HfHubHTTPError"


def test_a_rate_limit_on_a_file_is_waited_for(hub: Hub, repo: Repo, client: Client) -> None:
    hub.fault("status", status=429, retry_after=1, path=SHARD, method="GET")
    assert weights(client(SNAPSHOT).value) == WEIGHTS


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_error_on_the_info_hides_behind_a_missing_entry(hub: Hub, repo: Repo, client: Client, status: int) -> None:
    hub.fault("status", status=status, ratelimit=55, path="/api/models/")
    outcome = client(SNAPSHOT)
    assert outcome.errors[:2] == ("LocalEntryNotFoundError", "HfHubHTTPError")
    hub.fault("status", status=status, ratelimit=55, path="/api/models/")
    outcome = client("hf.model_info('org/model')")
    assert outcome.errors[0] == "HfHubHTTPError"
    assert ("Retry after 55 seconds" in outcome.message) == (status == 429)


def test_an_error_with_a_cached_snapshot_yields_the_old_copy(hub: Hub, repo: Repo, client: Client) -> None:
    old = client(SNAPSHOT).value
    repo.commit({"config.json": '{"new": 1}'})
    hub.fault("status", status=500, path="/api/models/")
    assert client(SNAPSHOT).value == old


def test_a_silent_hub_times_out_only_if_asked_to(hub: Hub, repo: Repo, client: Client) -> None:
    hub.fault("stall", path="/api/models/")
    assert client("hf.model_info('org/model', timeout=0.5)").errors[0] == "ReadTimeout"
    hub.fault("delay", path="/api/models/", seconds=0.8)
    assert client("hf.model_info('org/model', timeout=5).id").value == "org/model"


@pytest.mark.parametrize(("kind", "error"), [("close", "RemoteProtocolError"), ("refuse", "ReadError")])
def test_a_connection_closed_without_an_answer(hub: Hub, repo: Repo, client: Client, kind: str, error: str) -> None:
    hub.fault(kind, path="/api/models/")
    assert client("hf.model_info('org/model')").errors[0] == error


def test_a_sign_in_page(hub: Hub, repo: Repo, client: Client) -> None:
    hub.fault("html", times=None)
    assert client("hf.model_info('org/model')").errors[0] == "JSONDecodeError"
    outcome = client("hf.hf_hub_download('org/model', 'config.json')")
    assert outcome.errors == ("LocalEntryNotFoundError", "FileMetadataError")


# No connection


def test_nobody_listens(hub: Hub, repo: Repo, client: Client) -> None:
    with hub.down():
        outcome = client(SNAPSHOT)
    assert outcome.errors[:2] == ("LocalEntryNotFoundError", "ConnectError")
    assert weights(client(SNAPSHOT).value) == WEIGHTS
    with refusing_address() as url:
        assert client("hf.model_info('org/model')", HF_ENDPOINT=url).errors[0] == "ConnectError"


def test_a_proxy_that_does_not_answer(hub: Hub, repo: Repo, client: Client) -> None:
    with silent_address() as url:
        proxied = {"HF_ENDPOINT": "http://hub.invalid", "HTTP_PROXY": url}
        assert client("hf.model_info('org/model', timeout=0.5)", **proxied).errors[0] == "ReadTimeout"
    with refusing_address() as url:
        proxied = {"HF_ENDPOINT": "http://hub.invalid", "HTTP_PROXY": url}
        assert client("hf.model_info('org/model', timeout=5)", **proxied).errors[0] == "ConnectError"


# Who may read


def test_a_gated_repo_shows_its_files_but_not_their_bytes(hub: Hub, client: Client) -> None:
    settings = {"accepted": ("ann",), "pending": ("bob",), "denied": ("eve",)}
    hub.add_repo("org/model", {"config.json": "{}"}, gated="manual", **settings)
    assert client("hf.model_info('org/model').gated").value == "manual"
    said = {name: client("hf.auth_check('org/model')", token=hub.token(name)) for name in ("ann", "bob", "eve", "zoe")}
    said["nobody"] = client("hf.auth_check('org/model')")
    assert said.pop("ann").errors == ()
    assert {outcome.errors[0] for outcome in said.values()} == {"GatedRepoError"}
    words = {"bob": "awaiting a review", "eve": "rejected", "zoe": "not in the authorized list", "nobody": "log in"}
    assert {name: word for name, word in words.items() if word in said[name].message} == words
    assert said["nobody"].message.startswith("401")
    assert said["zoe"].message.startswith("403")
    download = client("hf.hf_hub_download('org/model', 'config.json')", token=hub.token("eve"))
    assert "GatedRepoError" in download.errors


def test_a_private_repo_is_as_good_as_missing(hub: Hub, client: Client) -> None:
    hub.add_repo("ann/model", {"config.json": "{}"}, private=True)
    for repo_id in ("ann/model", "ann/none"):
        for token, status in ((None, "401"), (hub.token("bob"), "404")):
            outcome = client(f"hf.model_info('{repo_id}')", token=token)
            assert outcome.errors[0] == "RepositoryNotFoundError"
            assert outcome.message.startswith(status)
    assert client("hf.model_info('ann/model').private", token=hub.token("ann")).value is True


def test_a_disabled_repo_a_bad_token_and_missing_names(hub: Hub, repo: Repo, client: Client) -> None:
    hub.add_repo("org/gone", {"config.json": "{}"}, disabled=True)
    assert client("hf.model_info('org/gone')").errors[0] == "DisabledRepoError"
    bad = client("hf.model_info('org/model')", token="hf_wrong")
    assert bad.errors[0] == "HfHubHTTPError"
    assert "Invalid credentials in Authorization header" in bad.message
    assert "Invalid user token" in client("hf.whoami()", token="hf_wrong").message
    assert client("hf.model_info('org/model', revision='v9')").errors[0] == "RevisionNotFoundError"
    assert client("hf.hf_hub_download('org/model', 'none')").errors[0] == "RemoteEntryNotFoundError"


# While a file goes


UPLOAD = (
    "hf.upload_file(repo_id='ann/model', path_in_repo='model.safetensors', path_or_fileobj=bytes(range(256)) * 20000)"
)


@pytest.mark.parametrize("order", [{"kind": "drop", "after": 1 << 20}, {"kind": "status", "status": 500}])
def test_a_failed_put_is_sent_again(hub: Hub, client: Client, order: dict[str, object]) -> None:
    hub.add_repo("ann/model", {"a.txt": "a"})
    fault = hub.fault(**order, method="PUT")
    assert client(UPLOAD, token=hub.token("ann")).errors == ()
    assert fault.hits == 1
    assert [put.received for put in hub.requests.matching(method="PUT")][1:] == [256 * 20000]
    assert hub.repos["ann/model"].read("model.safetensors") == bytes(range(256)) * 20000


def test_bytes_that_change_on_the_way_up_are_refused(hub: Hub, client: Client) -> None:
    hub.add_repo("ann/model", {"a.txt": "a"})
    hub.fault("corrupt", method="PUT")
    outcome = client(UPLOAD, token=hub.token("ann"))
    assert outcome.errors[0] in ("BadRequestError", "RuntimeError")
    assert "model.safetensors" not in hub.repos["ann/model"].files


def test_a_failed_commit_keeps_the_files_for_the_next_run(hub: Hub, client: Client) -> None:
    hub.add_repo("ann/model", {"a.txt": "a"})
    token = hub.token("ann")
    hub.fault("status", status=500, path="/commit/")
    assert client(UPLOAD, token=token).errors[0] == "HfHubHTTPError"
    assert client(UPLOAD, token=token).errors == ()
    assert len(hub.requests.matching(method="PUT")) == 1


# Orders


def test_a_fault_may_skip_requests_and_then_stop(hub: Hub, repo: Repo, client: Client) -> None:
    fault = hub.fault("status", status=500, path="/api/models/", skip=1, times=2)
    outcomes = [client("hf.model_info('org/model').id").value for _ in range(4)]
    assert outcomes == ["org/model", None, None, "org/model"]
    assert fault.hits == 2


def test_an_unknown_fault_is_refused(hub: Hub) -> None:
    with pytest.raises(ValueError, match="is no fault"):
        hub.fault("meteor")


def test_a_repo_may_claim_what_is_not_so(hub: Hub, repo: Repo, client: Client) -> None:
    repo.claim("model.safetensors", sha256="f" * 64)
    folder = client(SNAPSHOT).value
    assert (Path(folder) / "model.safetensors").resolve().name == "f" * 64
    assert weights(folder) == WEIGHTS
