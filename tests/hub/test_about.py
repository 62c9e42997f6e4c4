"""A model of the Hub that somebody considers: what is told of it, to a person and to a program; what it costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hubserver import Hub
from mlx_convert_cli.main import cli
from mlx_convert_hub.search import published

from mlx_convert_core import Workspace
from mlx_convert_core.plugin import RepoNotFound

from .models import converted_folder, model_files

Run = Callable[..., Result]
README = "---\nlicense: apache-2.0\nbase_model: org/base\n---\n# Tiny\n\nIt is <b>tiny</b>.\n"
READY = "mlx-community/Tiny-4bit"


@pytest.fixture
def shelf(hub: Hub, tmp_path: Path) -> Iterator[Hub]:
    """Put a model on the hub, two conversions, of which one is of another model, and a model of an unknown kind."""
    hub.add_repo("org/Tiny", {**model_files(), "README.md": README}, downloads=12_000, likes=40)
    for name, base in ((READY, "org/Tiny"), ("mlx-community/Tiny-Instruct-4bit", "org/Tiny-Instruct")):
        card = f"---\nlibrary_name: mlx\nbase_model: {base}\n---\n"
        hub.add_repo(name, {"README.md": card}, folder=converted_folder(tmp_path / name.replace("/", "-")))
    zebra = {**model_files(), "config.json": '{"model_type": "zebra"}'}
    hub.add_repo("org/Zebra", zebra, gated="manual")
    yield hub
    published.conversions.cache_clear()


@pytest.fixture
def run(shelf: Hub, workspace: Workspace) -> Run:
    """Run a command line against the shelf; ``workspace`` has this process look there."""
    return lambda *arguments: CliRunner().invoke(cli, arguments, prog_name="mlx-convert")


def test_all_that_the_hub_knows_of_a_model_is_told_without_a_weight(shelf: Hub, workspace: Workspace) -> None:
    found = workspace.about("org/Tiny")
    assert found.refused is None
    assert not found.ready
    assert (found.licence, found.base_models) == ("apache-2.0", ("org/base",))
    assert found.about.card == "# Tiny\n\nIt is <b>tiny</b>."
    assert found.about.found is not None
    assert (found.about.found.downloads, found.about.found.likes) == (12_000, 40)
    assert [output.label for output in found.outputs] == ["4bit", "6bit", "8bit", "bf16"]
    sizes = [output.weight_bytes for output in found.outputs]
    assert sizes == sorted(sizes)
    assert [hit.model.ref for hit in found.published] == [READY]
    assert found.troubles == ()
    assert shelf.requests.sent("safetensors") < 200_000  # the header, in one piece with what comes after it


def test_what_is_asked_of_people_is_asked_once_a_run(shelf: Hub, workspace: Workspace) -> None:
    workspace.about("org/Tiny")
    shelf.requests.clear()
    workspace.about("org/Tiny")
    paths = [request.path for request in shelf.requests if request.origin == "hub"]
    assert not [path for path in paths if path.endswith("README.md")]  # it is in the cache
    assert "/api/models" not in paths


def test_a_model_that_is_mlx_already_says_so(shelf: Hub, workspace: Workspace) -> None:
    found = workspace.about(READY)
    assert found.ready
    assert found.fit().weights == found.model.weight_bytes
    assert found.base_models == ("org/Tiny",)


def test_a_list_that_fails_leaves_the_rest(shelf: Hub, workspace: Workspace) -> None:
    shelf.fault("status", path="/api/models/org/Tiny$", skip=1, times=9, status=500)  # it is described first
    found = workspace.about("org/Tiny")
    assert found.about.found is None
    assert found.model.parameters
    assert len(found.troubles) == 1


def test_offline_the_card_is_told_of_what_is_here(
    shelf: Hub, workspace: Workspace, settings: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    workspace.get(READY, inline=True).result()
    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    shelf.requests.clear()
    found = workspace.about(READY)
    assert (found.ready, found.about.found, found.published, found.troubles) == (True, None, (), ())
    assert not list(shelf.requests)


def test_a_repo_that_is_not_there_is_an_error(shelf: Hub, workspace: Workspace) -> None:
    with pytest.raises(RepoNotFound):
        workspace.about("org/nothing")


def test_info_tells_facts_sizes_and_what_others_have_made(run: Run) -> None:
    told = run("info", "org/Tiny")
    assert told.exit_code == 0, told.output
    for fact in ("can be converted", "12.0 k", "apache-2.0", "org/base", "4bit", "bf16", READY, "model.safetensors"):
        assert fact in told.stdout
    assert "tiny</b>" not in told.stdout
    assert "mlx-convert convert org/Tiny" in told.stderr


def test_info_prints_the_card_alone(run: Run) -> None:
    assert run("info", "org/Tiny", "--card").stdout == "# Tiny\n\nIt is <b>tiny</b>.\n"


def test_info_leads_from_a_ready_model_to_getting_it(run: Run) -> None:
    told = run("info", READY)
    assert told.exit_code == 0
    assert "MLX already" in told.stdout
    assert f"mlx-convert get {READY}" in told.stderr


def test_info_says_what_can_not_be_converted_with_its_exit_code(run: Run, shelf: Hub) -> None:
    shelf.repos["org/Zebra"].gated = False
    told = run("info", "org/Zebra")
    assert told.exit_code == 1
    assert "can't be converted" in told.stdout
    assert "convert org/Zebra" not in told.stderr


def test_info_for_programs_has_everything(run: Run) -> None:
    found = json.loads(run("info", "org/Tiny", "--json").stdout)
    assert (found["name"], found["refused"], found["ready"]) == ("Tiny", None, False)
    assert found["list"]["downloads"] == 12_000
    assert [one["preset"] for one in found["outputs"]] == ["4bit", "6bit", "8bit", "bf16"]
    assert found["outputs"][0]["fit"]["verdict"] in ("runs", "tight")
    assert [hit["model"]["ref"] for hit in found["published"]] == [READY]
    assert found["card"].startswith("# Tiny")


def test_info_of_a_folder_reads_its_card(run: Run, tmp_path: Path) -> None:
    folder = converted_folder(tmp_path / "mine")
    (folder / "README.md").write_text("---\nlicense: mit\n---\nMine.\n")
    assert run("info", str(folder), "--card").stdout == "Mine.\n"
