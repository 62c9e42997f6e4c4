"""Getting a model that is MLX already: it comes into the cache and the library; nothing else is taken for one."""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hubserver import Hub
from mlx_convert_cli.main import cli

from mlx_convert_core import ConvertRequest, InsufficientDisk, Progress, UnsupportedModel, Workspace
from mlx_convert_core.plugin import RunCommand, UseInstead

from .models import converted_folder, model_files, safetensors

READY = "mlx-community/Tiny-4bit"
CARD = "---\nlibrary_name: mlx\nbase_model: org/Tiny\n---\n"


@pytest.fixture
def shelf(hub: Hub, tmp_path: Path) -> Hub:
    """Put a converted model on the hub, and one that has still to be converted."""
    hub.add_repo(READY, {"README.md": CARD}, folder=converted_folder(tmp_path / "Tiny-4bit"))
    hub.add_repo("org/model", model_files())
    return hub


def test_a_ready_model_comes_into_the_library_with_progress(shelf: Hub, workspace: Workspace, tmp_path: Path) -> None:
    job = workspace.get(READY)
    steps = [event for event in job.events() if isinstance(event, Progress)]
    entry = job.result()
    assert (entry.name, entry.source, entry.quantization) == ("Tiny-4bit", "org/Tiny", "4 bit")
    assert entry.path.is_relative_to(tmp_path / "cache")
    assert workspace.library.entries() == (entry,)
    assert steps[-1].step == "fetch"
    assert steps[-1].done == steps[-1].total > 1 << 20


def test_what_is_there_is_not_fetched_again(shelf: Hub, workspace: Workspace) -> None:
    workspace.get(READY, inline=True).result()
    sent = shelf.requests.sent("safetensors")
    workspace.get(f"https://huggingface.co/{READY}?x=1".replace("https://huggingface.co", shelf.url)).result()
    assert shelf.requests.sent("safetensors") < sent + 10_000  # headers, to see what it is
    assert len(workspace.library.entries()) == 1


def test_a_model_that_has_to_be_converted_is_refused_before_it_is_fetched(shelf: Hub, workspace: Workspace) -> None:
    with pytest.raises(UnsupportedModel, match="no MLX model") as refused:
        workspace.get("org/model", inline=True).result()
    assert refused.value.code == "not_mlx"
    assert refused.value.remedies == (UseInstead("org/model"),)
    assert shelf.requests.sent("safetensors") < 200_000  # the header, in one piece with what comes after it


def test_a_card_that_lies_puts_nothing_into_the_library(hub: Hub, workspace: Workspace) -> None:
    weights = safetensors("a", 100).replace(b'"mlx"', b'"pt" ')
    hub.add_repo(
        "evil/model", {"README.md": CARD, "config.json": '{"model_type": "llama"}', "model.safetensors": weights}
    )
    with pytest.raises(UnsupportedModel):
        workspace.get("evil/model", inline=True).result()
    assert workspace.library.entries() == ()


def test_a_full_disk_is_said_first(shelf: Hub, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1, 1, 1000))
    with pytest.raises(InsufficientDisk, match="kB are free"):
        workspace.get(READY, inline=True).result()


def test_a_folder_that_is_here_is_only_put_into_the_library(workspace: Workspace, tmp_path: Path) -> None:
    folder = converted_folder(tmp_path / "mine")
    assert workspace.get(str(folder), inline=True).result().path == folder
    assert (folder / "config.json").is_file()


def test_a_plan_of_a_ready_model_offers_to_get_it(hub: Hub, workspace: Workspace) -> None:
    config = json.dumps({"model_type": "llama", "quantization": {"bits": 4}})
    files = {"README.md": CARD, "config.json": config, "model.safetensors": safetensors("layer.scales", 100)}
    hub.add_repo(READY, files)
    (finding,) = workspace.plan(ConvertRequest(ref=READY), exact=False).errors
    assert finding.code == "already_mlx"
    assert finding.remedies == (RunCommand("get", (READY,)), UseInstead("org/Tiny"))


@pytest.fixture
def run(workspace: Workspace) -> Callable[..., Result]:
    """Run a command line in this process, where ``workspace`` has the settings of the hub."""
    return lambda *arguments: CliRunner().invoke(cli, arguments, prog_name="mlx-convert")


def test_the_command_says_what_came_and_how_to_talk_with_it(shelf: Hub, run: Callable[..., Result]) -> None:
    told = run("get", READY)
    assert told.exit_code == 0, told.output
    assert "Tiny-4bit is in the library: 1.05 MB, 4 bit." in told.stderr
    assert "mlx-convert chat Tiny-4bit" in told.stderr
    assert Path(told.stdout.strip(), "config.json").is_file()
    last = json.loads(run("get", READY, "--json").stdout.splitlines()[-1])
    assert (last["event"], last["result"]["name"]) == ("JobFinished", "Tiny-4bit")
    refused = run("get", "org/model")
    assert refused.exit_code == 1
    assert "mlx-convert convert org/model" in refused.stderr
