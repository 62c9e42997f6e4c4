"""`--fit this-mac --context 16k`, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]


def test_it_is_a_strategy_and_a_context_alone_is_nothing(run: Run, tiny_llama: Path) -> None:
    plan = run(
        "plan",
        tiny_llama,
        "--bits",
        4,
        "--group-size",
        32,
        "--fit",
        "this-mac",
        "--context",
        256,
        "--estimate",
        "--json",
    )
    assert json.loads(plan.stdout)["outputs"][0]["strategy"] == "fit:this-mac-256"
    alone = run("plan", tiny_llama, "--context", "16k")
    assert alone.exit_code == 2
    assert "error [context]" in alone.stderr


def test_one_beyond_the_models_is_refused_with_what_to_type(run: Run, tiny_llama: Path) -> None:
    refused = run("convert", tiny_llama, "--bits", 4, "--fit", "this-mac", "--context", "16k")
    assert refused.exit_code == 2
    assert "tiny-llama was made for a context of 512 tokens at most, and 16,384 were asked for" in refused.stderr
    assert "--bits 4 --context 512 --fit this-mac" in refused.stderr
