"""A folder of a Hugging Face cache as a source: its model is called as the repo, and comes from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from samples.hub_cache import COMMIT, cached

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import read_record


@pytest.fixture
def local() -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace


@pytest.fixture
def snapshot(tiny_llama: Path, tmp_path: Path) -> Path:
    return cached(tiny_llama, tmp_path / "hub", "org/Tiny-Llama-1B")


def test_card_and_record_name_the_repo_and_the_commit(local: Workspace, snapshot: Path, tmp_path: Path) -> None:
    local.settings.set("output_folder", str(tmp_path / "models"))
    made = local.convert(ConvertRequest(ref=snapshot, preset="8bit"), inline=True).result().path
    assert made.name == "Tiny-Llama-1B-MLX-8bit"
    record = read_record(made)
    assert record is not None
    assert (record.source.ref, record.source.revision) == ("org/Tiny-Llama-1B", COMMIT)
    card = (made / "README.md").read_text()
    assert 'base_model: "org/Tiny-Llama-1B"' in card
    assert f"Source commit: `{COMMIT}`" in card


@pytest.mark.parametrize("place", ["models--org--Tiny-Llama-1B", "a link", "snapshot"])
def test_it_is_known_in_every_spelling(local: Workspace, snapshot: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "hub" / "a link").symlink_to(snapshot)
    model = local.inspect(str(snapshot if place == "snapshot" else tmp_path / "hub" / place))
    assert (model.name, model.repo_id, model.revision) == ("Tiny-Llama-1B", "org/Tiny-Llama-1B", COMMIT)


def test_of_several_commits_main_is_taken(local: Workspace, snapshot: Path, tiny_llama: Path, tmp_path: Path) -> None:
    newer = cached(tiny_llama, tmp_path / "hub", "org/Tiny-Llama-1B", "f" * 40)
    assert local.inspect(str(newer.parents[1])).revision == newer.name


def test_nobody_is_asked_about_it(local: Workspace, snapshot: Path) -> None:
    """It lies here: the plan is made without a request, also when the Hub can be reached."""
    plan = local.plan(ConvertRequest(ref=snapshot, preset="8bit"), exact=False)
    assert plan.findings == ()


def test_an_ordinary_folder_of_such_a_name_is_none(local: Workspace, tiny_llama: Path, tmp_path: Path) -> None:
    folder = tiny_llama.rename(tmp_path / COMMIT)
    assert (local.inspect(str(folder)).name, local.inspect(str(folder)).repo_id) == (COMMIT, None)
