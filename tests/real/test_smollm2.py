"""A real model, SmolLM2-135M-Instruct: converted like mlx_lm.convert does it, planned to the byte, and it answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from architectures.compare import differences
from architectures.worker import PRESETS as REFERENCE

from mlx_convert_core import ConvertPlan, ConvertRequest, ConvertResult, GenerateRequest, Workspace
from mlx_convert_core.plugin import GenerationExtras, hookimpl

PRESETS = ("4bit", "8bit", "bf16")
QUESTION = "What is the capital of France?"
PROGRAM = str(Path(sys.executable).with_name("mlx-convert"))
MLX_LM = """
import json, sys
from mlx_lm import convert
source, target, presets = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
for name, options in presets.items():
    convert(source, f"{target}/{name}", **options)
"""


@pytest.fixture(scope="module")
def reference(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mlx_lm.convert makes of the same source: a folder for each preset."""
    folder = tmp_path_factory.mktemp("mlx_lm")
    asked = json.dumps({preset: REFERENCE[preset] for preset in PRESETS})
    command = [sys.executable, "-c", MLX_LM, str(smollm2), str(folder), asked]
    ended = subprocess.run(command, env=os.environ | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture(scope="module")
def converted(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ConvertPlan, ConvertResult]:
    """The plan of all presets from one read, and what came of it."""
    folder = tmp_path_factory.mktemp("ours")
    request = ConvertRequest(ref=str(smollm2), preset=PRESETS, output=tuple(folder / preset for preset in PRESETS))
    with Workspace(home=folder / "home") as workspace:
        return workspace.plan(request), workspace.convert(request).result()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_tensor_and_the_config_equal_those_of_mlx_lm(
    preset: str, reference: Path, converted: tuple[ConvertPlan, ConvertResult]
) -> None:
    ours = folder_of(converted, preset)
    assert differences(reference / preset, ours, dtype="bfloat16" if preset == "bf16" else "") == []
    assert config(ours).keys() == config(reference / preset).keys()


@pytest.mark.parametrize("preset", PRESETS)
def test_as_many_bytes_are_written_as_were_planned(preset: str, converted: tuple[ConvertPlan, ConvertResult]) -> None:
    plan, _ = converted
    assert plan.exact
    [planned] = [output for output in plan.outputs if output.preset == preset]
    files = list(folder_of(converted, preset).glob("*.safetensors"))
    assert sum(path.stat().st_size for path in files) == planned.weight_bytes


def test_the_8_bit_model_answers_paris_on_the_command_line(converted: tuple[ConvertPlan, ConvertResult]) -> None:
    command = [PROGRAM, "generate", str(folder_of(converted, "8bit")), QUESTION, "--temperature", "0"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "The capital of France is Paris.\n"
    assert "tokens/s" in ended.stderr


def test_the_8_bit_model_answers_paris_from_python_in_float32_on_a_cpu(
    converted: tuple[ConvertPlan, ConvertResult],
) -> None:
    import mlx.core as mx

    types = []

    class Watching:
        @hookimpl
        def on_generate(self, request: GenerateRequest) -> GenerationExtras:
            return GenerationExtras(logits_processors=(self.see,))

        def see(self, tokens: Any, logits: Any) -> Any:
            types.append(logits.dtype)
            return logits

    with Workspace(plugins=[Watching()]) as workspace:
        session = workspace.open(folder_of(converted, "8bit"), inline=True)
        answer = session.generate(GenerateRequest(prompt=QUESTION, temperature=0, max_tokens=20)).result()
    assert answer.text == "The capital of France is Paris."
    assert len(types) >= answer.generation_tokens
    assert set(types) == {mx.float32 if mx.default_device() == mx.cpu else mx.bfloat16}


def folder_of(converted: tuple[ConvertPlan, ConvertResult], preset: str) -> Path:
    return next(model.path for model in converted[1].models if model.preset == preset)


def config(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return found
