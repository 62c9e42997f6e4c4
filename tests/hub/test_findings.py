"""What is noticed about a source on the Hub before it is converted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hubserver import Hub, silent_address
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.findings import examine
from mlx_convert_hub.search.published import conversions

from mlx_convert_core import ConvertPlan, ConvertRequest, Finding, ModelInfo, OutputPlan
from mlx_convert_core.plugin import OpenPage, RunElsewhere, UseInstead


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    conversions.cache_clear()
    yield
    conversions.cache_clear()


def plan_for(model: ModelInfo, **request: bool) -> ConvertPlan:
    output = OutputPlan(preset="8bit", path=Path("out"))
    return ConvertPlan(request=ConvertRequest(ref=model.ref, **request), model=model, converter="x", outputs=(output,))


def findings(connection: HubConnection, **request: bool) -> list[Finding]:
    config = {"model_file": "own.py"} if request else {}
    return list(
        examine(
            plan_for(ModelInfo(ref="org/Tiny", name="Tiny", repo_id="org/Tiny", config=config), **request), connection
        )
    )


def test_ready_made_conversions_are_pointed_out_the_fitting_one_first(hub: Hub, connection: HubConnection) -> None:
    for name in ("Tiny-3bit", "Tiny-4bit", "Tiny-8bit", "Tiny-bf16"):
        hub.add_repo(f"mlx-community/{name}", {"config.json": "{}", "README.md": card_of("org/Tiny")})
    hub.add_repo("somebody/Tiny-8bit", {"config.json": "{}", "README.md": card_of("org/Tiny")})
    (finding,) = findings(connection)
    assert (finding.code, finding.level) == ("already_converted", "info")
    assert finding.message == (
        "already converted: mlx-community/Tiny-8bit, mlx-community/Tiny-3bit, mlx-community/Tiny-4bit and 1 more."
    )
    assert finding.remedies == (OpenPage(f"{hub.url}/mlx-community/Tiny-8bit"),)


def test_a_model_that_only_has_a_like_name_is_not_pointed_out(hub: Hub, connection: HubConnection) -> None:
    hub.add_repo("mlx-community/Tiny-Instruct-4bit", {"config.json": "{}", "README.md": card_of("org/Tiny-Instruct")})
    hub.add_repo("mlx-community/Tiny-4bit", {"config.json": "{}", "README.md": card_of("other/Tiny")})
    hub.add_repo("mlx-community/Tiny-8bit", {"config.json": "{}"})
    assert findings(connection) == []


def card_of(base_model: str) -> str:
    """The card of a model that was converted from ``base_model``."""
    return f"---\nbase_model: {base_model}\n---\n"


def test_it_is_asked_once(hub: Hub, connection: HubConnection) -> None:
    findings(connection)
    findings(connection)
    assert len(hub.requests) == 1


@pytest.mark.parametrize("fault", ["status", "html", "close"])
def test_trouble_is_not_worth_a_word(hub: Hub, connection: HubConnection, fault: str) -> None:
    hub.fault(fault, path="/api/models", times=None)
    assert findings(connection) == []


def test_silence_is_not_worth_a_word(connection: HubConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlx_convert_hub.search.published.SECONDS", 0.2)
    with silent_address() as address:
        assert findings(replace(connection, endpoint=address)) == []


def test_offline_nobody_is_asked(hub: Hub, connection: HubConnection, settings: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    assert findings(connection) == []
    assert len(hub.requests) == 0


def test_trusted_code_is_read_before_it_runs(hub: Hub, connection: HubConnection) -> None:
    (finding,) = findings(connection, trust_remote_code=True)
    assert (finding.code, finding.level) == ("custom_code", "error")
    assert finding.remedies == (RunElsewhere("hf download org/Tiny --local-dir Tiny"), UseInstead("./Tiny"))


def test_a_folder_with_the_name_of_a_repo_is_said_to_be_taken(tmp_path: Path) -> None:
    (finding,) = examine(plan_for(ModelInfo(ref="org/Tiny", name="Tiny", path=tmp_path)))
    assert finding.code == "folder_taken"
    assert finding.remedies == (UseInstead("hf://org/Tiny"),)


def test_a_folder_that_was_meant_is_not_worth_a_word(tmp_path: Path) -> None:
    assert list(examine(plan_for(ModelInfo(ref=str(tmp_path), name="Tiny", path=tmp_path)))) == []
