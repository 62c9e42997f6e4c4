"""Converting straight from a repo: the verdict's cost, and work that begins before the last byte is here."""

from __future__ import annotations

from pathlib import Path

import pytest
from hubserver import Hub
from lm.random_llama import write_llama

from mlx_convert_core import ConvertRequest, Event, Progress, Workspace
from mlx_convert_core.plugin import hookimpl

SHARDS = 4


@pytest.fixture
def llama(hub: Hub, tmp_path: Path) -> Path:
    folder = write_llama(tmp_path / "source", layers=4, shards=SHARDS)
    hub.add_repo("org/llama", folder=folder)
    return folder


def test_a_verdict_costs_three_requests_one_for_each_shard_and_no_weight(
    hub: Hub, workspace: Workspace, llama: Path
) -> None:
    presets = ("4bit", "8bit", "bf16")
    plan = workspace.plan(ConvertRequest(ref="org/llama", preset=presets), exact=False)
    assert not plan.errors
    assert all(output.weight_bytes > 0 for output in plan.outputs)
    asked = hub.requests.matching(origin="hub")
    shards = [request for request in asked if request.path.endswith(".safetensors")]
    assert len(shards) == SHARDS
    assert len(asked) - len(shards) <= 3
    headers = sum(int.from_bytes(path.read_bytes()[:8], "little") + 8 for path in llama.glob("*.safetensors"))
    read = sum(request.sent for request in hub.requests.matching(r"\.safetensors$", origin="cdn"))
    assert headers <= read <= SHARDS << 17


def test_the_conversion_begins_before_the_last_shard_is_here(
    hub: Hub, workspace: Workspace, llama: Path, tmp_path: Path, settings: pytest.MonkeyPatch
) -> None:
    settings.setattr("mlx_convert_engine.memory.SLICE_BYTES", 1 << 14)  # a small model would be one slice
    last = rf"model-0000{SHARDS}-of"
    crawling = hub.fault("slow", path=last, origin="cdn", rate=2000, skip=1)  # the first request is for its header
    here: list[int] = []

    class Watcher:
        @hookimpl
        def on_event(self, event: Event) -> None:
            if isinstance(event, Progress) and event.step == "write" and event.done and not here:
                here.append(hub.requests.matching(last, origin="cdn")[-1].sent)
                crawling.rate = 1 << 30

    with Workspace(plugins=[Watcher()]) as watched:
        request = ConvertRequest(ref="org/llama", preset="4bit", output=tmp_path / "out")
        assert watched.convert(request, inline=True).result().path == tmp_path / "out"
    assert here[0] < next(llama.glob(f"*-0000{SHARDS}-of-*")).stat().st_size


def test_the_cache_may_be_on_a_disk_of_any_name(
    hub: Hub, workspace: Workspace, llama: Path, tmp_path: Path, settings: pytest.MonkeyPatch
) -> None:
    """A bracket in a path is a letter, also for mlx-lm and for who looks which links still show a file."""
    cache = tmp_path / "My Disk [0] *"
    settings.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    for name, discards in (("out", True), ("again", False)):
        request = ConvertRequest(ref="org/llama", preset="8bit", output=tmp_path / name, discard_source=discards)
        assert workspace.convert(request, inline=True).result().path == tmp_path / name
        assert bool(list(cache.rglob("*.safetensors"))) != discards
