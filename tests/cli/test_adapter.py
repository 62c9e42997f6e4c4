"""An adapter on the command line: fused, recorded, and named with its base where it stands alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from samples.adapters import numbers, read_tensors_of, write_adapter

from mlx_convert_core.plugin import inspect_folder

Run = Callable[..., Result]
Q = "model.layers.0.self_attn.q_proj"


@pytest.fixture
def lora(tiny_llama: Path, tmp_path: Path) -> Path:
    [weight] = [one for one in inspect_folder(tiny_llama).tensors if one.name == f"{Q}.weight"]
    down, across = weight.shape
    arrays = {
        f"base_model.model.{Q}.lora_A.weight": numbers(4, across),
        f"base_model.model.{Q}.lora_B.weight": numbers(down, 4),
    }
    return write_adapter(tmp_path / "lora", arrays)


def test_it_is_fused_and_named(run: Run, tiny_llama: Path, lora: Path, tmp_path: Path) -> None:
    plan = run("plan", tiny_llama, "--adapter", lora)
    assert "note [adapter]: the adapter lora" in " ".join(plan.output.split())
    assert run("convert", tiny_llama, "--adapter", lora, "-o", "out").exit_code == 0
    assert run("convert", tiny_llama, "-o", "plain").exit_code == 0
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("out", "plain"))
    assert len(one) == len(other)
    assert one != other
    assert [one["ref"] for one in recorded(tmp_path / "out")] == ["lora"]


def test_several_are_fused_in_turn(run: Run, tiny_llama: Path, lora: Path, tmp_path: Path) -> None:
    other = write_adapter(tmp_path / "other", read_tensors_of(lora))
    plan = run("plan", tiny_llama, "--adapter", lora, "--adapter", other)
    assert plan.output.count("note [adapter]") == 2
    (tmp_path / "recipe.json").write_text(
        json.dumps({"schema": 1, "mlx_convert": "recipe", "adapter": [str(lora), str(other)]})
    )
    assert run("convert", tiny_llama, "--recipe", "recipe.json", "-o", "out").exit_code == 0
    assert [one["ref"] for one in recorded(tmp_path / "out")] == ["lora", "other"]


def recorded(model: Path) -> list[dict[str, str]]:
    return json.loads((model / "mlx_convert.json").read_text())["adapters"]  # type: ignore[no-any-return]


def test_one_that_does_not_fit_says_how_to_go_on_without_it(run: Run, tiny_llama: Path, lora: Path) -> None:
    (lora / "adapter_config.json").write_text('{"peft_type": "IA3"}')
    refused = run("convert", tiny_llama, "--adapter", lora, "-o", "out")
    assert refused.exit_code == 1
    assert "error [adapter_kind]" in refused.stderr
    assert f"mlx-convert convert {tiny_llama} -o out" in " ".join(refused.stderr.split())


def test_alone_it_leads_to_its_base(run: Run, lora: Path) -> None:
    refused = run("convert", lora, "-o", "out")
    assert refused.exit_code == 1
    assert f"mlx-convert convert org/tiny-llama --adapter {lora}" in " ".join(refused.stderr.split())
