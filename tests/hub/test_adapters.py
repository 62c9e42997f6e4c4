"""Adapters on the Hub: described from config and header, fetched into the cache, named in the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hubserver import Hub
from lm.random_llama import HIDDEN, write_llama
from samples.adapters import numbers, write_adapter

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import UseInstead, recipe_of

Q = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.fixture
def repos(hub: Hub, tmp_path: Path) -> str:
    """A model and its adapter; the adapter's commit."""
    hub.add_repo("org/tiny-llama", folder=write_llama(tmp_path / "source", layers=1))
    arrays = {f"{Q}.lora_A.weight": numbers(4, HIDDEN), f"{Q}.lora_B.weight": numbers(HIDDEN, 4)}
    return hub.add_repo("org/lora", folder=write_adapter(tmp_path / "lora", arrays)).head.sha


def test_an_adapter_of_the_hub_is_planned_without_its_weights_and_recorded_with_its_commit(
    hub: Hub, workspace: Workspace, repos: str, tmp_path: Path
) -> None:
    request = ConvertRequest(ref="org/tiny-llama", adapter="org/lora", preset="4bit", output=tmp_path / "out")
    plan = workspace.plan(request)
    [adapter] = plan.model.adapters
    assert plan.fetch_bytes > adapter.fetch_bytes > 0
    assert "adapter" in [finding.code for finding in plan.findings]
    assert not list((tmp_path / "cache").rglob("adapter_model.safetensors"))
    workspace.convert(request, inline=True).result()
    local = ConvertRequest(
        ref=str(tmp_path / "source"), adapter=str(tmp_path / "lora"), preset="4bit", output=tmp_path / "same"
    )
    workspace.convert(local, inline=True).result()
    written = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert written == (tmp_path / "same" / "model.safetensors").read_bytes()
    record = json.loads((tmp_path / "out" / "mlx_convert.json").read_bytes())
    [recorded] = record["adapters"]
    assert (recorded["ref"], recorded["revision"]) == ("org/lora", repos)
    assert repos in recipe_of(tmp_path / "out", workspace.sources.shareable)["adapter"]
    assert f"adapter org/lora at `{repos}`" in (tmp_path / "out" / "README.md").read_text().replace("\\", "")


def test_an_adapter_alone_leads_to_its_base_with_it(workspace: Workspace, repos: str, tmp_path: Path) -> None:
    for ref in ("org/lora", str(tmp_path / "lora")):
        plan = workspace.plan(ConvertRequest(ref=ref, output=tmp_path / "out"), exact=False)
        [refusal] = plan.errors
        assert refusal.code == "lora_only"
        assert refusal.remedies == (UseInstead("org/tiny-llama", adapter=ref),)
