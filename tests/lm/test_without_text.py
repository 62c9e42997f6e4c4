"""Rounding by what is no text, asked for or where nothing reads text: random tokens, or what the model says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core import ConvertedModel, ConvertRequest, InvalidRequest, Workspace
from mlx_convert_core.plugin import Calibration, Record, read_recipe, read_record, recipe_of, to_json


def converted(workspace: Workspace, source: Path, output: Path, **more: Any) -> ConvertedModel:
    request = ConvertRequest(
        ref=str(source), bits=4, group_size=32, method="tuned", output=output, verify=False, **more
    )
    return workspace.convert(request, inline=True).result().models[0]


def recorded(folder: Path) -> Record:
    record = read_record(folder)
    assert record is not None
    return record


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def without_tokenizer(folder: Path) -> Path:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    return folder


@pytest.mark.parametrize(
    ("named", "origin"), [("random", "random tokens"), ("samples", "what the model says by itself")]
)
def test_the_same_bits_come_again_by_the_recipe_and_differ_from_those_by_a_text(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, named: str, origin: str
) -> None:
    one = tmp_path / "one"
    converted(workspace, tiny_llama, one, calibration=named)
    made = recorded(one).calibration
    assert made == Calibration(origin=origin, sha256="", tokens=2048, kind=named)  # type: ignore[arg-type]
    assert f"Calibrated on: {made.words}, seed 0\n" in (one / "README.md").read_text()
    (tmp_path / "recipe.json").write_bytes(to_json(recipe_of(one, lambda ref: ref)))
    asked = read_recipe(tmp_path / "recipe.json", ref=str(tiny_llama))
    assert asked.calibration == named
    converted(workspace, tiny_llama, tmp_path / "again", calibration=asked.calibration)
    assert weights(tmp_path / "again") == weights(one)
    converted(workspace, tiny_llama, tmp_path / "text")
    assert weights(tmp_path / "text") != weights(one)


def test_a_model_without_a_tokenizer_goes_by_random_tokens_and_says_so(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    converted(workspace, tiny_llama, tmp_path / "asked", calibration="random")
    made = converted(workspace, without_tokenizer(tiny_llama), tmp_path / "fallen")
    record = recorded(tmp_path / "fallen")
    assert record.calibration is not None
    assert record.calibration.kind == "random"
    assert [one.code for one in record.findings].count("calibration_random") == 1
    assert "calibration_random" in {one.code for one in made.findings}
    assert weights(tmp_path / "fallen") == weights(tmp_path / "asked")


def test_so_does_one_whose_tokenizer_reads_nothing(workspace: Workspace, tiny_llama: Path, tmp_path: Path) -> None:
    """It is there when the conversion is planned, and fails when it is used."""
    (tiny_llama / "tokenizer.json").write_text(
        '{"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}}'
    )
    converted(workspace, tiny_llama, tmp_path / "out")
    record = recorded(tmp_path / "out")
    assert record.calibration is not None
    assert record.calibration.kind == "random"
    assert "calibration_random" in {one.code for one in record.findings}


def test_a_text_of_ones_own_is_not_replaced(workspace: Workspace, tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("A text that somebody chose. " * 500)
    with pytest.raises(InvalidRequest) as caught:
        converted(workspace, without_tokenizer(tiny_llama), tmp_path / "out", calibration=str(tmp_path / "own.txt"))
    assert caught.value.code == "calibration_unreadable"
    assert not (tmp_path / "out").exists()
