"""mlx-lm's own tools, as methods and a strategy: they are handed a text, and planned and checked as any other."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_lm.tools import running
from mlx_convert_lm.tools.names import Dynamic, dynamic_named

from mlx_convert_core import ConvertedModel, ConvertRequest, InvalidRequest, Quantization, Workspace
from mlx_convert_core.plugin import ModelSizes, read_record


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Some sequences for a tiny tokenizer, so that a tool is done in seconds."""
    path = tmp_path / "own.txt"
    path.write_text(
        "".join(f"Line {line} of a text is here to be read, and {line * line} is its square.\n" for line in range(60))
    )
    return path


def converted(workspace: Workspace, source: Path, output: Path, **more: Any) -> ConvertedModel:
    asked: dict[str, Any] = {"bits": 4, "group_size": 32, "verify": False} | more
    return workspace.convert(ConvertRequest(ref=str(source), output=output, **asked), inline=True).result().models[0]


@pytest.mark.parametrize("tool", ["gptq", pytest.param("awq", marks=pytest.mark.slow), "dwq"])
def test_a_tool_makes_what_was_planned_without_the_hub(
    workspace: Workspace,
    tiny_llama: Path,
    tmp_path: Path,
    text: Path,
    tool: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*place: Any) -> None:
        raise AssertionError(f"it connects, or prints: {place}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("builtins.print", refuse)
    monkeypatch.setattr(running, "SAMPLES", 4)  # few large steps show as well as many small ones
    monkeypatch.setattr(running, "LEARNING_RATE", 1e-3)
    method = f"mlx-lm:{tool}"
    made = converted(workspace, tiny_llama, tmp_path / "out", method=method, calibration=str(text))
    assert "tensors as planned" in str(made.verification) or made.verification is None
    record = read_record(tmp_path / "out")
    assert record is not None
    assert record.calibration is not None
    assert (record.recipe["method"], record.calibration.origin) == (method, "own.txt")
    assert "tool_slow" in {finding.code for finding in record.findings}
    plain = converted(workspace, tiny_llama, tmp_path / "plain")
    name = "model.safetensors"
    assert (tmp_path / "out" / name).read_bytes() != (tmp_path / "plain" / name).read_bytes()
    assert made.weight_bytes == plain.weight_bytes or tool != "dwq"


@pytest.mark.slow
def test_dynamic_quant_gives_more_bits_to_some_layers_within_its_average(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, text: Path
) -> None:
    made = converted(
        workspace, tiny_llama, tmp_path / "out", strategy="mlx-lm:dynamic_quant-5.3", calibration=str(text)
    )
    assert made.bits_per_weight <= 5.3
    assert {layer.quantization.bits for layer in made.layers} == {4, 5}
    assert made.chosen is not None
    assert "dynamic_quant" in made.chosen.reason


@pytest.mark.parametrize("asked", [{"method": "mlx-lm:dwq"}, {"strategy": "mlx-lm:dynamic_quant-5.3"}])
def test_a_plan_says_that_a_tool_is_slow(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, asked: dict[str, str]
) -> None:
    plan = workspace.plan(ConvertRequest(ref=tiny_llama, bits=4, output=tmp_path / "out", **asked))  # type: ignore[arg-type]
    (slow,) = [finding.message for finding in plan.findings if finding.code == "tool_slow"]
    assert slow.startswith(next(iter(asked.values())))


@pytest.mark.parametrize(
    "asked",
    [
        {"method": "mlx-lm:gptq", "bits": 3},
        {"method": "mlx-lm:awq", "strategy": "mixed_4_6"},
        {"method": "mlx-lm:gptq", "strategy": "bpw:4.7"},
    ],
)
def test_what_a_tool_can_not_make_is_refused_before_anything_is_read(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, asked: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        converted(workspace, tiny_llama, tmp_path / "out", **asked)
    assert caught.value.code == "tool_unfit"


def test_its_average_is_half_a_bit_more_unless_it_is_said() -> None:
    low = Quantization(bits=4, group_size=32)
    sizes = ModelSizes(parameters=800, least=500, most=700, plain=1600, headers=0)
    assert Dynamic(low=low).limit(sizes) == 550
    assert dynamic_named("mlx-lm:dynamic_quant-6", low) == Dynamic(low=low, bits=6)
    for name, code in (("mlx-lm:dynamic_quant-4.5", "budget_small"), ("mlx-lm:dynamic_quant-", "budget")):
        with pytest.raises(InvalidRequest) as caught:
            dynamic_named(name, low).limit(sizes)  # type: ignore[union-attr]
        assert caught.value.code == code
