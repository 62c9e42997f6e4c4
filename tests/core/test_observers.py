"""on_event hooks see every event of every job, in order, and can break nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mlx_convert_core import ConvertRequest, GenerateRequest, Workspace

WriteToy = Callable[..., Path]
AddPlugin = Callable[[str, str], Path]
WRITING = """
import json

@hookimpl
def on_event(event):
    with Path(__file__).with_suffix(".jsonl").open("a") as file:
        file.write(json.dumps([event.job, type(event).__name__, getattr(event, "text", "")]) + "\\n")
"""
FAILING = """
@hookimpl
def on_event(event):
    raise RuntimeError("I can't bear it")
"""


def test_all_events_of_all_jobs_in_order_beside_a_plugin_that_fails(
    toys: None, add_plugin: AddPlugin, write_toy: WriteToy, tmp_path: Path
) -> None:
    log = add_plugin("writing", WRITING).with_suffix(".jsonl")
    add_plugin("failing", FAILING)
    with Workspace() as workspace:
        converted = workspace.convert(ConvertRequest(ref=str(write_toy()), preset="bf16", output=tmp_path / "out"))
        model = converted.result(timeout=120).path
        answered = workspace.generate(model, GenerateRequest(prompt="one two three"))
        answered.result(timeout=120)
    seen = [json.loads(line) for line in log.read_text().splitlines()]
    for job in (converted, answered):
        told = [[job.id, type(event).__name__, getattr(event, "text", "")] for event in job.events()]
        assert [event for event in seen if event[0] == job.id] == told
    assert [event[2] for event in seen if event[:2] == [answered.id, "Token"]] == ["one ", "two ", "three "]
    failures = workspace.plugin_failures
    assert [(failure.plugin, failure.hook) for failure in failures] == [("failing", "on_event")]
    assert "I can't bear it" in failures[0].reason


def test_a_workspace_delivers_what_is_left_when_it_closes(
    toys: None, add_plugin: AddPlugin, write_toy: WriteToy, tmp_path: Path
) -> None:
    log = add_plugin("writing", "import time\n" + WRITING.replace("    with", "    time.sleep(0.05)\n    with", 1))
    with Workspace() as workspace:
        job = workspace.convert(ConvertRequest(ref=str(write_toy()), preset="bf16", output=tmp_path / "out"))
        job.result(timeout=120)
    assert "JobFinished" in log.with_suffix(".jsonl").read_text().splitlines()[-1]
