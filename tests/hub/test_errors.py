"""Every cause of trouble with the Hub has its own error, with a next step, and without a secret."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from hubserver import Hub, refusing_address, silent_address
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.repo import HubRepo
from mlx_convert_hub.trouble.explain import explain, explained
from mlx_convert_hub.trouble.seen import Situation, scrub
from mlx_convert_hub.trouble.table import ROWS

from mlx_convert_core import InsufficientDisk, MlxConvertError
from mlx_convert_core.plugin import ErrorInfo, OpenPage, SignIn

from .models import Recorder, model_files

SHARD = r"model\.safetensors$"
Environment = pytest.MonkeyPatch


def repo(connection: HubConnection, revision: str | None = None) -> HubRepo:
    return HubRepo("org/model", "org/model", revision, connection)


def error_of(work: Callable[[], object]) -> MlxConvertError:
    """The error of ``work``, after a look at what is true of all of them."""
    with pytest.raises(MlxConvertError) as raised:
        work()
    error = raised.value
    assert error.message
    assert error.hint
    told = repr(ErrorInfo.of(error))
    assert "Signature" not in told
    assert os.environ.get("HF_TOKEN", "\0") not in told
    if error.code != "no_network":
        assert "internet connection" not in told
    return error


# Who may


def test_gated_without_a_login(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files(), gated="manual")
    error = error_of(repo(connection).inspect)
    assert (type(error).__name__, error.code) == ("GatedRepo", "gated_login")
    assert error.remedies == (OpenPage(f"{hub.url}/org/model"), SignIn())
    assert hub.requests.sent("/resolve/") == 0


@pytest.mark.parametrize(
    ("state", "code"), [("denied", "gated_rejected"), ("pending", "gated_pending"), ("tags", "gated_denied")]
)
def test_gated_with_a_login(hub: Hub, connection: HubConnection, settings: Environment, state: str, code: str) -> None:
    hub.add_repo("org/model", model_files(), gated="manual", **{state: ("ann",)})
    settings.setenv("HF_TOKEN", hub.token("ann"))
    error = error_of(repo(connection).inspect)
    assert (type(error).__name__, error.code) == ("GatedRepo", code)


def test_missing_or_private_without_a_login(hub: Hub, connection: HubConnection) -> None:
    error = error_of(repo(connection).inspect)
    assert (type(error).__name__, error.code) == ("RepoNotFound", "repo_not_found")
    assert "or it is private" in error.message
    assert SignIn() in error.remedies


def test_missing_or_private_with_a_login(hub: Hub, connection: HubConnection, settings: Environment) -> None:
    hub.add_repo("org/model", model_files(), private=True)
    settings.setenv("HF_TOKEN", hub.token("ann"))
    error = error_of(repo(connection).inspect)
    assert error.code == "repo_not_found"
    assert "HF_TOKEN" in error.message
    assert "'org'" in error.hint


@pytest.mark.parametrize("place", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "login"])
def test_a_bad_token_says_where_it_came_from(
    hub: Hub, connection: HubConnection, settings: Environment, place: str
) -> None:
    hub.add_repo("org/model", model_files())
    if place == "login":
        (hub.root / "token").parent.mkdir(exist_ok=True)
        (hub.root / "token").write_text("hf_madeupmadeupmadeup")
    else:
        settings.setenv(place, "hf_madeupmadeupmadeup")
    error = error_of(repo(connection).inspect)
    assert error.code == "token_bad"
    assert place in error.message
    assert "hf_madeup" not in repr(ErrorInfo.of(error))
    assert ("unset" in error.hint) == (place != "login")


def test_a_disabled_repo(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files(), disabled=True)
    assert error_of(repo(connection).inspect).code == "disabled"


@pytest.mark.parametrize(("status", "code"), [(401, "login_needed"), (403, "forbidden")])
def test_a_refusal_of_another_kind(hub: Hub, connection: HubConnection, status: int, code: str) -> None:
    hub.add_repo("org/model", model_files())
    hub.fault("status", status=status, path="config.json", message="No.", times=None)
    assert error_of(repo(connection).inspect).code == code


# What is there


def test_a_missing_revision(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    error = error_of(repo(connection, "dev").inspect)
    assert (type(error).__name__, error.code) == ("RevisionNotFound", "revision")
    assert "'dev'" in error.message


def test_a_file_that_vanished(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    hub.fault("status", status=404, path="config.json", code="EntryNotFound", message="Entry not found")
    error = error_of(repo(connection).inspect)
    assert error.code == "file_missing"
    assert "config.json" in error.message


def test_a_name_that_the_client_refuses(connection: HubConnection) -> None:
    error = error_of(HubRepo("x", "a/b/c", None, connection).inspect)
    assert (error.code, error.exit_code) == ("bad_id", 2)


# What the Hub answers when it can't


def test_a_rate_limit_says_how_long(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    hub.fault("status", status=429, ratelimit=55, path="/api/models/", times=None)
    error = error_of(repo(connection).inspect)
    assert error.code == "rate_limit"
    assert "55 seconds" in error.message
    assert len(hub.requests) == 1


def test_a_description_does_not_sit_out_a_rate_limit(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    hub.fault("status", status=429, retry_after=20, path="config.json", times=None)
    error = error_of(repo(connection).inspect)
    assert error.code == "rate_limit"
    assert "20 seconds" in error.message
    assert len(hub.requests.matching("config.json")) == 1


@pytest.mark.parametrize(("status", "code"), [(500, "hub_down"), (503, "hub_down"), (504, "timeout")])
def test_trouble_of_the_hub(hub: Hub, connection: HubConnection, status: int, code: str) -> None:
    hub.add_repo("org/model", model_files())
    hub.fault("status", status=status, path="/api/models/", times=None)
    error = error_of(repo(connection).inspect)
    assert error.code == code
    assert str(status) in error.message


@pytest.mark.parametrize("path", ["/api/models/", "config.json", SHARD])
def test_a_sign_in_page(hub: Hub, connection: HubConnection, path: str) -> None:
    hub.add_repo("org/model", model_files())
    if path == SHARD:
        model = repo(connection).inspect()
        hub.fault("html", path=path, times=None)
        error = error_of(lambda: repo(connection).fetch(model, connection.cache, Recorder()))
    else:
        hub.fault("html", path=path, times=None)
        error = error_of(repo(connection).inspect)
    assert error.code == "portal"
    assert "Wi-Fi" in error.hint


# The way there


def test_a_hub_that_refuses_connections(connection: HubConnection) -> None:
    with refusing_address() as address:
        error = error_of(repo(replace(connection, endpoint=address)).inspect)
    assert (type(error).__name__, error.code) == ("SourceUnreachable", "unreachable")
    assert "refused" in error.message
    assert address in error.hint


def test_a_name_that_nobody_knows(connection: HubConnection) -> None:
    error = error_of(repo(replace(connection, endpoint="https://hub.invalid")).inspect)
    assert error.code == "no_network"
    assert "hub.invalid" in error.message


@pytest.mark.parametrize("silent", [False, True])
def test_a_proxy_that_does_not_answer(connection: HubConnection, settings: Environment, silent: bool) -> None:
    with (silent_address if silent else refusing_address)() as address:
        settings.setenv("HTTP_PROXY", address.replace("http://", "http://ann:secret@"))
        impatient = replace(connection, endpoint="http://hub.example", timeout=0.3)
        error = error_of(repo(impatient).inspect)
    assert error.code == "proxy"
    assert address.removeprefix("http://") in error.message
    assert "secret" not in repr(ErrorInfo.of(error))


def test_a_hub_that_says_nothing(connection: HubConnection) -> None:
    with silent_address() as address:
        error = error_of(repo(replace(connection, endpoint=address, timeout=0.3)).inspect)
    assert error.code == "timeout"


def test_a_description_waits_for_a_silent_file_once_and_not_long(
    hub: Hub, connection: HubConnection, settings: Environment
) -> None:
    hub.add_repo("org/model", model_files())
    hub.fault("stall", path="config.json", times=None)
    settings.setattr("mlx_convert_hub.fetch.repo.PATIENCE_SECONDS", 0.3)
    error = error_of(repo(replace(connection, stall_seconds=5)).inspect)
    assert error.code == "timeout"
    assert len(hub.requests.matching("config.json")) == 1


def test_a_download_that_falls_silent_for_ever(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    model = repo(connection).inspect()
    hub.fault("stall", path=SHARD, after=0, times=None)
    impatient = replace(connection, stall_seconds=0.2)
    report = Recorder()
    error = error_of(lambda: repo(impatient).fetch(model, connection.cache, report))
    assert error.code == "timeout"
    assert sum("silent" in text for text in report.messages) >= 3


def test_a_connection_that_always_breaks(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    model = repo(connection).inspect()
    hub.fault("close", path=SHARD, times=None)
    error = error_of(lambda: repo(connection).fetch(model, connection.cache, Recorder()))
    assert error.code == "connection_lost"
    assert "what was fetched is kept" in error.hint


@pytest.fixture
def unknown_certificate(tmp_path: Path) -> Iterator[str]:
    """The address of a server whose certificate nobody signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("makes its certificate with openssl")
    files = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_that_nobody_signed(unknown_certificate: str, connection: HubConnection) -> None:
    error = error_of(repo(replace(connection, endpoint=unknown_certificate)).inspect)
    assert error.code == "tls"
    assert "SSL_CERT_FILE" in error.hint


# This machine


def test_offline_without_a_copy(connection: HubConnection, settings: Environment) -> None:
    from huggingface_hub import constants

    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    error = error_of(repo(connection).inspect)
    assert error.code == "offline"
    assert "HF_HUB_OFFLINE" in error.hint


def test_offline_in_the_middle(hub: Hub, connection: HubConnection, settings: Environment) -> None:
    from huggingface_hub import constants

    hub.add_repo("org/model", model_files())
    model = repo(connection).inspect()
    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    error = error_of(lambda: repo(connection).fetch(model, connection.cache, Recorder()))
    assert error.code == "offline"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(connection: HubConnection) -> None:
    def write() -> None:
        with explained(connection.situation("org/model")), Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    error = error_of(write)
    assert isinstance(error, InsufficientDisk)
    assert error.code == "disk_dl"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_cache_that_can_not_be_written(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files())
    connection.cache.mkdir()
    connection.cache.chmod(0o500)
    error = error_of(repo(connection).inspect)
    assert error.code == "not_writable"
    assert str(connection.cache) in error.message


def test_permission_denied_names_the_cache(connection: HubConnection) -> None:
    error = explain(PermissionError(13, "Permission denied"), connection.situation("org/model"))
    assert error.code == "not_writable"
    assert str(connection.cache) in error.message


def test_something_that_nobody_foresaw_is_still_told(connection: HubConnection) -> None:
    error = explain(RuntimeError("odd\nsecond line"), connection.situation("org/model"))
    assert error.code == "hub_error"
    assert "odd" in error.message


# The table and the scrubber


def test_every_row_can_be_told() -> None:
    values = explain(RuntimeError("x"), Situation(repo_id="org/model"))
    assert values.hint
    for row in ROWS:
        assert not row.message.endswith("!")
        assert row.message.rstrip().endswith(".")
        assert row.hint.rstrip().endswith(("}", ".", "?"))


def test_the_password_of_a_mirror_is_for_requests_only(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("org/model", model_files(), gated="manual")
    password = hub.token("ann")
    error = error_of(repo(replace(connection, endpoint=hub.url.replace("://", f"://ann:{password}@"))).inspect)
    assert f"{hub.url}/org/model" in repr(error.remedies)
    assert password not in repr(ErrorInfo.of(error))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET https://cdn.example/a/b?Expires=1&Signature=abc%3D failed", "Signature"),
        ("proxy http://ann:secret@proxy.example:8080 is dead", "secret"),
        ("token hf_abcdefghijklmnop was refused", "hf_abc"),
        ("Authorization: Bearer xyz.123", "xyz"),
    ],
)
def test_secrets_are_scrubbed(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in scrub(text)


def test_the_token_in_use_is_scrubbed_in_any_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "an-odd-token")
    assert scrub("an-odd-token, twice: an-odd-token") == "…, twice: …"
