"""What stands in the way of an upload is found before anything is made or sent, and told with a next step."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hubserver import Hub, refusing_address
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.send.hub_target import HubTarget

from mlx_convert_core import MlxConvertError, UploadError, UploadRequest
from mlx_convert_core.plugin import ErrorInfo, LeaveOut, SetOption, SignIn

from .models import Recorder, converted_folder

Environment = pytest.MonkeyPatch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return converted_folder(tmp_path / "Tiny-MLX-4bit", size=1000)


@pytest.fixture
def target(connection: HubConnection, settings: Environment) -> HubTarget:
    from huggingface_hub import constants

    settings.setattr(constants, "HF_HUB_DISABLE_XET", True)
    return HubTarget(connection_to=connection)


@pytest.fixture
def ann(hub: Hub, settings: Environment) -> None:
    settings.setenv("HF_TOKEN", hub.token("ann", orgs=("team",)))


def check(target: HubTarget, folder: Path, name: str = "ann/Tiny", **options: bool) -> UploadRequest:
    return target.check(UploadRequest(path=folder, target="hub", name=name, **options))


def error_of(work: Callable[[], object], code: str) -> MlxConvertError:
    with pytest.raises(MlxConvertError) as raised:
        work()
    error = raised.value
    assert error.code == code, error
    assert error.message
    assert error.hint
    told = repr(ErrorInfo.of(error))
    assert "Signature" not in told
    assert os.environ.get("HF_TOKEN", "\0") not in told
    return error


def untouched(hub: Hub) -> bool:
    return {request.method for request in hub.requests} <= {"GET"}


# Who may


def test_a_new_name_takes_two_requests_and_makes_nothing(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    assert check(target, folder).name == "ann/Tiny"
    assert [request.path for request in hub.requests] == ["/api/whoami-v2", "/api/models/ann/Tiny"]
    assert "ann/Tiny" not in hub.repos


def test_a_repo_that_exists_takes_four(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    target.upload(check(target, folder), Recorder("upload"))
    hub.requests.clear()
    check(target, folder)
    assert len(hub.requests) == 4
    assert hub.requests.matching("/auth-check/write")
    assert untouched(hub)


def test_nobody_is_signed_in(hub: Hub, target: HubTarget, folder: Path) -> None:
    error = error_of(lambda: check(target, folder), "token_none")
    assert SignIn() in error.remedies
    assert len(hub.requests) == 0


@pytest.mark.parametrize("place", ["HF_TOKEN", "login"])
def test_a_bad_token_says_where_it_came_from(
    hub: Hub, target: HubTarget, folder: Path, settings: Environment, place: str
) -> None:
    if place == "login":
        hub.root.mkdir(exist_ok=True)
        (hub.root / "token").write_text("hf_madeupmadeupmadeup")
    else:
        settings.setenv(place, "hf_madeupmadeupmadeup")
    error = error_of(lambda: check(target, folder), "token_bad")
    assert isinstance(error, UploadError)
    assert place in error.message
    assert "hf_madeup" not in repr(ErrorInfo.of(error))


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("role", ["read", "fineGrained"])
def test_a_token_that_may_only_read(
    hub: Hub, target: HubTarget, folder: Path, settings: Environment, role: str, exists: bool
) -> None:
    settings.setenv("HF_TOKEN", hub.token("ann", role=role))
    if exists:
        hub.add_repo("ann/Tiny", {"a.txt": "a"}, private=True)
    error = error_of(lambda: check(target, folder), "up_forbidden")
    assert "HF_TOKEN" in error.message
    assert untouched(hub)


def test_a_fine_grained_token_that_may(hub: Hub, target: HubTarget, folder: Path, settings: Environment) -> None:
    settings.setenv("HF_TOKEN", hub.token("ann", role="fineGrained", writable=("ann",)))
    target.upload(check(target, folder), Recorder("upload"))
    assert "ann/Tiny" in hub.repos


@pytest.mark.parametrize("name", ["mlx-community/Tiny", "bob/Tiny"])
def test_somebody_elses_namespace(hub: Hub, target: HubTarget, folder: Path, ann: None, name: str) -> None:
    error = error_of(lambda: check(target, folder, name), "up_namespace")
    assert name.partition("/")[0] in error.message
    assert untouched(hub)


def test_an_organisation_of_ones_own(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    target.upload(check(target, folder, "team/Tiny"), Recorder("upload"))
    assert hub.repos["team/Tiny"].private


# The name


def test_the_name_is_filled_in(target: HubTarget, folder: Path, ann: None) -> None:
    assert check(target, folder, "").name == "ann/Tiny-MLX-4bit"
    assert check(target, folder, "Mine").name == "ann/Mine"
    assert check(target, folder, "https://huggingface.co/ann/Tiny").name == "ann/Tiny"


@pytest.mark.parametrize(
    "name", ["a/b/c", "../x", "/abs", "ann/a--b", "ann/a..b", "ann/x.git", "ann/" + "x" * 100, "a b"]
)
def test_a_name_that_can_not_be_one(hub: Hub, target: HubTarget, folder: Path, ann: None, name: str) -> None:
    error = error_of(lambda: check(target, folder, name), "bad_id")
    assert error.exit_code == 2
    assert len(hub.requests) == 0


# What is there


@pytest.mark.parametrize("public", [False, True])
def test_an_upload_does_not_change_who_may_see_a_repo(
    hub: Hub, target: HubTarget, folder: Path, ann: None, public: bool
) -> None:
    hub.add_repo("ann/Tiny", {"a.txt": "a"}, private=public)
    error = error_of(lambda: check(target, folder, public=public), "up_visibility")
    assert SetOption("public", True) in error.remedies or LeaveOut("public") in error.remedies
    assert check(target, folder, public=not public)


def test_a_disabled_repo(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    hub.add_repo("ann/Tiny", {"a.txt": "a"}, disabled=True)
    error_of(lambda: check(target, folder), "disabled")


def test_a_repo_that_was_renamed(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    hub.add_repo("ann/Tiny", {"a.txt": "a"}, private=True)
    hub.move("ann/Tiny", "ann/Small")
    assert "hub:ann/Small" in error_of(lambda: check(target, folder), "up_moved").hint


def test_a_model_is_checked_before_its_folder_is_there(
    hub: Hub, target: HubTarget, folder: Path, ann: None, tmp_path: Path
) -> None:
    later = tmp_path / "later"
    assert check(target, later).name == "ann/Tiny"
    hub.add_repo("ann/Tiny", {"model.safetensors": b"x", "config.json": "{}"}, private=True)
    error_of(lambda: check(target, later), "up_exists")


def test_an_unreadable_record_is_none(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    for record in ("[1]", "{", '{"source": 1}', "[" * 5000):
        hub.add_repo("ann/Tiny", {"model.safetensors": b"x", "mlx_convert.json": record}, private=True)
        error_of(lambda: check(target, folder), "up_exists")


# Trouble


@pytest.mark.parametrize(
    ("status", "message", "path", "code"),
    [
        (413, "", "/commit/", "up_413"),
        (413, "", "/objects/batch", "up_413"),
        (412, "", "/commit/", "up_conflict"),
        (409, "", "/commit/", "up_conflict"),
        (409, "", "/api/repos/create", "up_conflict"),
        (403, "You don't have the rights to create a model under the namespace", "/api/repos/create", "up_namespace"),
        (403, "Private repository storage limit reached", "/commit/", "up_storage"),
        (402, "Payment required", "/api/repos/create", "up_storage"),
        (403, "", "/preupload/", "up_forbidden"),
        (401, "Invalid credentials in Authorization header", "/commit/", "token_bad"),
    ],
)
def test_what_the_hub_refuses_on_the_way(
    hub: Hub, target: HubTarget, folder: Path, ann: None, status: int, message: str, path: str, code: str
) -> None:
    request = check(target, folder)
    hub.fault("status", status=status, message=message, path=path, times=None)
    error = error_of(lambda: target.upload(request, Recorder("upload")), code)
    assert isinstance(error, UploadError)


def test_somebody_else_commits_meanwhile(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    repo = hub.add_repo("ann/Tiny", {"a.txt": "a"}, private=True)
    request = check(target, folder)
    report = Recorder("upload")
    report.progress = lambda *_: repo.commit({"a.txt": str(len(repo.commits))})  # type: ignore[method-assign]
    error_of(lambda: target.upload(request, report), "up_conflict")
    assert "model.safetensors" not in repo.files


def test_metadata_of_a_person_that_the_hub_refuses(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    hub.add_repo("ann/Tiny", {"README.md": "---\nmine:\n\t- tab\n---\nWords."}, private=True)
    request = check(target, folder)
    error = error_of(lambda: target.upload(request, Recorder("upload")), "up_card")
    assert "tab" in error.message


def test_a_rate_limit_says_how_long(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    request = check(target, folder)
    hub.fault("status", status=429, ratelimit=3000, path="/commit/", times=None)
    assert "3000 seconds" in error_of(lambda: target.upload(request, Recorder("upload")), "rate_limit").message


@pytest.mark.parametrize("path", ["/api/whoami-v2", "/api/models/ann/Tiny"])
def test_a_hub_that_is_down(hub: Hub, target: HubTarget, folder: Path, ann: None, path: str) -> None:
    hub.fault("status", status=503, path=path, times=None)
    error = error_of(lambda: check(target, folder), "hub_down")
    assert isinstance(error, UploadError)


def test_a_hub_that_is_down_for_the_commit(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    request = check(target, folder)
    hub.fault("status", status=503, path="/commit/", times=None)
    error_of(lambda: target.upload(request, Recorder("upload")), "hub_down")
    assert len(hub.requests.matching("/commit/")) == 3


def test_a_sign_in_page(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    hub.fault("html", path="whoami", times=None)
    error_of(lambda: check(target, folder), "portal")


def test_a_hub_that_says_nothing(hub: Hub, target: HubTarget, folder: Path, ann: None) -> None:
    hub.fault("stall", path="whoami", times=None)
    impatient = HubTarget(connection_to=replace(target.connection, timeout=0.3))
    error = error_of(lambda: check(impatient, folder), "timeout")
    assert "not sent twice" in error.hint


def test_a_hub_that_refuses_connections(target: HubTarget, folder: Path, ann: None) -> None:
    with refusing_address() as address:
        away = HubTarget(connection_to=replace(target.connection, endpoint=address))
        error_of(lambda: check(away, folder), "unreachable")


def test_no_network(target: HubTarget, folder: Path, ann: None) -> None:
    away = HubTarget(connection_to=replace(target.connection, endpoint="https://hub.invalid"))
    error_of(lambda: check(away, folder), "no_network")


def test_offline(hub: Hub, target: HubTarget, folder: Path, ann: None, settings: Environment) -> None:
    from huggingface_hub import constants

    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    error_of(lambda: check(target, folder), "offline")
    assert target.preview(UploadRequest(path=folder, target="hub", name="ann/Tiny"))
    assert len(hub.requests) == 0
