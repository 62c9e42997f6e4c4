"""A third-party plugin, built and installed with pip: each of its hooks is called, in the documented order."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).with_name("mlx-convert-audit")
PROGRAM = """
import os, sys
from mlx_convert_core.plugin import ConvertRequest, GenerateRequest, Workspace

with Workspace() as workspace:
    print(os.getpid())
    model = workspace.convert(ConvertRequest(ref=sys.argv[1], preset="audited", output=sys.argv[2])).result()
    answer = workspace.generate(model.path, GenerateRequest(prompt="Hello", max_tokens=4)).result()
    print(answer.generation_tokens)
"""
CARD_HOOKS = ["pre_convert", "quantize_strategy", "post_convert", "on_generate", "library_store"]


def test_each_hook_is_called_in_order_in_one_conversion_and_one_answer(
    environment: dict[str, str], tiny_llama: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tiny_llama), str(tmp_path / "model")]
    program = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    parent, tokens = map(int, program.stdout.split())
    log: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert tokens == 4
    assert {*CARD_HOOKS, "register_presets", "on_event"} == {line["what"] for line in log}
    calls = [
        (line["what"], "parent" if line["process"] == parent else "worker")
        for line in log
        if line["what"] != "on_event"  # told on a thread of its own
    ]
    assert calls == [
        ("register_presets", "parent"),
        ("quantize_strategy", "parent"),
        ("pre_convert", "parent"),
        ("quantize_strategy", "worker"),
        ("quantize_strategy", "worker"),
        ("post_convert", "worker"),
        ("library_store", "parent"),
        ("on_generate", "worker"),
    ]
    events = [(line["event"], line["process"] == parent) for line in log if line["what"] == "on_event"]
    assert [name for name, _ in events][:1] == ["JobStarted"]
    assert [name for name, _ in events].count("JobStarted") == [name for name, _ in events].count("JobFinished")
    assert all(in_parent for _, in_parent in events)
    assert "Licence: unknown" in (tmp_path / "model" / "AUDIT.md").read_text()
    assert (tmp_path / "model" / "AUDIT.md").exists()


@pytest.mark.parametrize("form", ["people", "programs"])
def test_the_command_line_shows_the_plugin_and_its_preset(environment: dict[str, str], form: str) -> None:
    def shown(*arguments: str) -> str:
        command = [sys.executable, "-c", "from mlx_convert_cli.main import main; main()", *arguments]
        if form == "programs":
            command.append("--json")
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    listed = shown("plugins", "list")
    assert "mlx-convert-audit" in listed
    assert listed.index("mlx-convert-audit") < listed.index("mlx_convert_lm")  # in the order of calls
    assert "audited" in shown("presets")


def test_its_own_tests_pass(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "--rootdir", str(PACKAGE)]
    ended = subprocess.run([*command, "tests"], cwd=PACKAGE, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout
