"""The page of a model: where it came from, what was checked, how it is made up, how it compares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from library_list import lines
from mlx_convert_ui.state.studio import Studio
from models import shelved
from nicegui import ui
from simulated import labelled, sees, until, visiting

from mlx_convert_core import LibraryEntry

pytestmark = pytest.mark.asyncio
MEASURED = {
    "quality": {"kl_mean": 0.0213, "kl_mean low": 0.02, "kl_mean high": 0.023, "text": "bundled-1", "tokens": 512},
    "speed": {"generation_tokens_per_second": 52.5, "device": "M9"},
}


async def test_a_model_is_told_whole_on_its_page(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    async with visiting(studio, "/library") as user:
        assert lines(user)[0]["address"].endswith(_page(entry))
        await user.open(_page(entry))
        await sees(user, entry.name, "8 bit, group 64", "model.layers.*.self_attn.q_proj", "Runs here")
        await sees(user, "Made from", "mlx_convert.json", "Files (", "Model card", "Nothing was measured yet.")
        (sha,) = [file.sha256 for file in _files(studio, entry) if file.name == "model.safetensors"]
        await sees(user, sha)
        user.find(marker="chat").click()
        await until(lambda: user.back_history[-1].startswith("/chat?model="))


async def test_models_of_one_source_are_drawn_and_told_in_a_table(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entries = [shelved(studio.workspace, tiny_model, tmp_path, name) for name in ("first", "second", "third")]
    for number, entry in enumerate(entries):
        quality = {**MEASURED["quality"], "kl_mean": 0.0213 + number / 100}
        measured = {**MEASURED, "quality": quality} if number < 2 else {}
        studio.workspace.library.add(replace(entry, source="org/base", measurements=measured))
    async with visiting(studio, _page(entries[0])) as user:
        await sees(user, "KL divergence 0.0213", "All models made from org/base", "first (this one)", "0.0313")
        chart = labelled(user, "Size against KL divergence; the table below has the numbers")
        (drawn,) = chart.elements
        assert isinstance(drawn, ui.echart)
        points = drawn.options["series"][0]["data"]
        assert [point["value"][1] for point in points] == [0.0213, 0.0313]
        assert points[0]["name"] == "first · 52.5 tokens/s"
        await sees(user, "third")


async def test_what_rounding_does_is_drawn_by_block_and_told_in_a_table(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    layers = {"model.layers.0.mlp.up_proj": 0.25, "model.layers.1.mlp.up_proj": 0.5, "lm_head": 0.125}
    chosen = {"strategy": "bpw:4.5", "measure": "output", "error": 0.875, "tokens": 2048, "errors": layers}
    record = json.loads((entry.path / "mlx_convert.json").read_text())
    (entry.path / "mlx_convert.json").write_text(json.dumps({**record, "chosen": chosen}))
    async with visiting(studio, _page(entry)) as user:
        await sees(user, "What rounding does", "model.layers.*.mlp.up_proj", "0.75", "0.125")
        (drawn,) = user.find(marker="errors-chart").elements
        assert isinstance(drawn, ui.echart)
        assert [(one["name"], one["data"]) for one in drawn.options["series"]] == [("mlp.up_proj", [0.25, 0.5])]


async def test_what_does_not_fit_is_marked_wherever_a_model_is_chosen(
    studio: Studio, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    assert entry.cache > 0
    async with visiting(studio, "/library") as user:
        await sees(user, "1 model ·")
        assert lines(user)[0]["size"]["more"] == "Runs here"
        monkeypatch.setattr("mlx_convert_core.base.memory.lent_memory", lambda: 1_000)
        await user.open("/library")
        await sees(user, "1 model ·")
        assert lines(user)[0]["size"]["more"] == "Too large"
        await user.open("/test")
        assert len(user.find(content="Too large").elements) == 1  # beside the chosen one
        user.find(marker="model").click()
        await until(lambda: len(user.find(content="Too large").elements) == 2)  # and in the list


async def test_what_is_not_in_the_library_has_no_page(studio: Studio) -> None:
    async with visiting(studio, "/model?model=/etc") as user:
        await sees(user, "Model not found", "not in the library")
        user.find(marker="to-library").click()
        await sees(user, "No models yet")


async def test_a_vanished_model_says_so_and_offers_nothing_to_do(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    entry = shelved(studio.workspace, tiny_model, tmp_path)
    entry.path.rename(tmp_path / "elsewhere")
    async with visiting(studio, _page(entry)) as user:
        await sees(user, "The folder is gone.", entry.name)
        await user.should_not_see(marker="chat")
        await user.should_not_see(marker="measure")


def _page(entry: LibraryEntry) -> str:
    return f"/model?model={quote(str(entry.path))}"


def _files(studio: Studio, entry: LibraryEntry) -> tuple:
    return studio.workspace.details(entry.path).files
