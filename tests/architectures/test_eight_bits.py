"""Whatever a model class does with 8-bit floats: the result is that of the plain numbers that they stand for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from architectures.checkpoints import tiny_config
from architectures.compare import differences
from architectures.eight_bits import write_both
from architectures.test_equality import OTHERS
from mlx_convert_core import ConvertRequest, Workspace

# Classes that expand blocks of 128 by themselves, one that takes the bytes for integers; and some that know of nothing.
KNOWING = ("deepseek_v3", "glm_moe_dsa", "minimax_m2", "mimo_v2_flash", "mistral4", "ministral3")
UNKNOWING = ("qwen3", "qwen3_moe", "mixtral", "gemma3_text", "glm4_moe", "lfm2")
SAMPLE = (*KNOWING, *UNKNOWING)
PLAIN = [model_type for model_type in OTHERS if "quantization_config" not in tiny_config(model_type)]
REST = [model_type for model_type in random.Random(31).sample(PLAIN, 40) if model_type not in SAMPLE]


def check(folder: Path, model_type: str) -> None:
    outputs = []
    with Workspace(home=folder / "home") as workspace:
        for source in write_both(folder, model_type):
            output = source.with_name(f"{source.name}-4bit")
            workspace.convert(ConvertRequest(ref=str(source), preset="4bit", output=output), inline=True).result()
            outputs.append(output)
    assert differences(*outputs) == []


@pytest.mark.parametrize("model_type", SAMPLE)
def test_8_bit_floats_become_what_their_plain_twins_become(tmp_path: Path, model_type: str) -> None:
    check(tmp_path, model_type)


@pytest.mark.slow
@pytest.mark.parametrize("model_type", REST)
def test_those_of_other_architectures_do_too(tmp_path: Path, model_type: str) -> None:
    check(tmp_path, model_type)
