"""What a model's authors recommend is taken from their own file, as far as it means the same here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import Workspace

SOURCE = "Qwen/Qwen2.5-0.5B-Instruct"


def model(tmp_path: Path, told: Any, source: str = "org/model") -> Path:
    """A converted model whose authors say ``told``."""
    folder = write_mlx_folder(tmp_path / "Model-MLX-4bit")
    (folder / "mlx_convert.json").write_text(json.dumps({"source": {"ref": source}}))
    (folder / "generation_config.json").write_text(told if isinstance(told, str) else json.dumps(told))
    return folder


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {"do_sample": True, "temperature": 0.6, "top_p": 0.95, "top_k": 20, "max_new_tokens": 9, "eos_token_id": 2},
            {"temperature": 0.6, "top_p": 0.95, "top_k": 20},
        ),
        ({"do_sample": False, "temperature": 0.6, "top_p": 0.9}, {"temperature": 0.0, "top_p": 0.9}),
        ({"temperature": "hot", "top_p": 7, "top_k": True, "min_p": 0.1, "repetition_penalty": None}, {"min_p": 0.1}),
        ({"eos_token_id": 2}, {}),
        ([], {}),
        ("{", {}),
    ],
)
def test_numbers_that_can_be_are_taken(home: Path, tmp_path: Path, told: Any, expected: dict[str, float]) -> None:
    with Workspace() as workspace:
        advice = workspace.advice(model(tmp_path, told))
    assert advice.values == expected
    assert advice.words == ("Settings as the authors of Model-MLX-4bit recommend" if expected else "")


def test_a_preset_for_its_source_knows_where_the_file_has_no_number(home: Path, tmp_path: Path) -> None:
    with Workspace() as workspace:
        assert workspace.advice(model(tmp_path, {"eos_token_id": 2}, SOURCE)).of == "Qwen2.5 0.5B Instruct"
        (tmp_path / "Model-MLX-4bit" / "generation_config.json").write_text('{"temperature": 0.1}')
        assert workspace.advice(tmp_path / "Model-MLX-4bit").values == {"temperature": 0.1}
