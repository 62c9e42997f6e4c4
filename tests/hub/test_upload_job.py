"""Uploads as jobs: in a worker process, cancelled, killed, and with their token kept to themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hubserver import Hub
from hubserver.client import environment

from mlx_convert_core import Cancelled, JobFailed, MlxConvertError, Progress, UploadRequest, Workspace

from .models import converted_folder

MIB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return converted_folder(tmp_path / "Tiny-MLX-4bit", shards=3, size=4 * MIB)


def test_an_upload_is_a_job_with_progress_and_a_result(hub: Hub, workspace: Workspace, folder: Path) -> None:
    job = workspace.upload(folder, "hub:ann/Tiny")
    events = list(job.events())
    steps = [event for event in events if isinstance(event, Progress)]
    assert {step.step for step in steps} == {"check", "upload"}
    assert steps[-1].done == steps[-1].total > 12 * MIB
    result = job.result()
    assert (result.location, result.public, result.sent_files) == (f"{hub.url}/ann/Tiny", False, 7)
    assert result.seconds > 0
    assert workspace.upload(folder, "hub:ann/Tiny").result().sent_files == 0


@pytest.mark.parametrize("kind", ["slow", "stall", "delay"])
def test_a_cancel_ends_it_and_shows_nothing(hub: Hub, workspace: Workspace, folder: Path, kind: str) -> None:
    after = MIB if kind == "stall" else None
    hub.fault(kind, method="PUT", after=after, rate=MIB // 2, seconds=600, times=None)
    job = workspace.upload(folder, "hub:ann/Tiny")
    wait_until(lambda: bool(hub.requests.matching(method="PUT")))
    job.cancel()
    with pytest.raises(Cancelled):
        job.result()
    assert set(hub.repos["ann/Tiny"].files) == {".gitattributes"}
    hub.faults.clear()
    assert workspace.upload(folder, "hub:ann/Tiny").result().sent_files == 7


def test_a_cancel_while_the_hub_is_silent_ends_it(hub: Hub, workspace: Workspace, folder: Path) -> None:
    hub.fault("stall", path="/commit/", times=None)
    job = workspace.upload(folder, "hub:ann/Tiny")
    wait_until(lambda: bool(hub.requests.matching("/commit/")))
    job.cancel()
    with pytest.raises(Cancelled):
        job.result()


UPLOAD = """
import sys
from pathlib import Path
from mlx_convert_core import Workspace
with Workspace() as workspace:
    print(workspace.upload(Path(sys.argv[1]), "hub:ann/Tiny", inline=True).result().sent_bytes)
"""


def test_a_killed_upload_does_not_repeat_what_arrived(
    hub: Hub, folder: Path, record_property: Callable[[str, object], None]
) -> None:
    token = hub.token("ann")
    hub.fault("slow", method="PUT", rate=8 * MIB, times=None)
    command = [sys.executable, "-W", "ignore", "-c", UPLOAD, str(folder)]
    with subprocess.Popen(command, env=environment(hub, token=token)) as process:
        wait_until(lambda: len(hub.requests.matching(method="PUT")) == 2)
        process.kill()
    hub.faults.clear()
    hub.requests.clear()
    done = subprocess.run(command, env=environment(hub, token=token), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    sent = sum(request.received for request in hub.requests.matching(method="PUT"))
    record_property("sent_again", sent)
    assert sent <= 8 * MIB + 4096
    for name in ("model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"):
        assert hub.repos["ann/Tiny"].read(name) == (folder / name).read_bytes()


def test_what_stands_in_the_way_fails_the_job(hub: Hub, workspace: Workspace, folder: Path) -> None:
    job = workspace.upload(folder, "hub:nobody/Tiny")
    last = list(job.events())[-1]
    assert isinstance(last, JobFailed)
    assert last.error.code == "up_namespace"
    with pytest.raises(MlxConvertError, match="nobody"):
        workspace.check_upload(UploadRequest.to(folder, "hub:nobody/Tiny"))


def test_the_preview_is_a_card(workspace: Workspace, folder: Path) -> None:
    assert "mlx_lm.generate --model ann/Tiny " in workspace.preview_upload(UploadRequest.to(folder, "hub:ann/Tiny"))


@pytest.mark.parametrize("fault", ["", "status", "reset", "stall"])
def test_the_token_is_nowhere(
    hub: Hub,
    workspace: Workspace,
    folder: Path,
    home: Path,
    tmp_path: Path,
    fault: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if fault:
        after = None if fault == "status" else MIB
        hub.fault(fault, method="PUT", after=after, status=403, times=None if fault == "status" else 1, seconds=1)
    token = os.environ["HF_TOKEN"]
    secrets = (token, hub.signature)
    job = workspace.upload(folder, "hub:ann/Tiny")
    told = [msgspec.json.encode(event, enc_hook=str).decode() for event in job.events()]
    try:
        told.append(repr(job.result()))
    except MlxConvertError as error:
        told += [str(error), error.hint, *getattr(error, "__notes__", ())]
    told += capfd.readouterr()
    assert not [text for text in told if any(secret in text for secret in secrets)]
    for root in (home, tmp_path / "cache", folder):
        for path in root.rglob("*"):
            assert not path.is_file() or not any(secret.encode() in path.read_bytes() for secret in secrets), path
    assert all(request.authorized == (request.origin == "hub") for request in hub.requests)
    assert not any(token in json.dumps([request.path, request.query]) for request in hub.requests)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
