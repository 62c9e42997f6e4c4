"""The smallest model that is as close to its source as was asked for: chosen by an estimate, proven by measuring."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lm.measured_layers import cost, layers_of
from mlx_convert_lm.divergence import Divergence, divergence_named

from mlx_convert_core import (
    ConversionFailed,
    ConvertRequest,
    InvalidRequest,
    MeasureRequest,
    PreflightFailed,
    Quantization,
    Workspace,
)
from mlx_convert_core.converting.proving import TRIES, Try, next_expected, smallest
from mlx_convert_core.measuring import tasks
from mlx_convert_core.plugin import QUALITY, read_recipe, read_record, recipe_of, to_json

TOKENS = 640  # that models are measured with here


@pytest.fixture(autouse=True)
def few_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "TOKENS", TOKENS)


def request(source: Path, output: Path, most: float, **options: object) -> ConvertRequest:
    return ConvertRequest(ref=str(source), group_size=32, strategy=f"kl:{most}", output=output, **options)  # type: ignore[arg-type]


def test_the_smallest_model_that_keeps_to_a_divergence_is_made_measured_and_made_again_by_its_recipe(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    asked = request(tiny_llama, tmp_path / "out", 0.002, method="tuned")
    made = workspace.convert(asked, inline=True).result().models[0]
    assert made.chosen is not None
    assert made.chosen.divergence is not None
    assert made.chosen.divergence <= 0.002
    assert 1 <= made.chosen.tries <= TRIES
    assert made.chosen.strategy == "kl:0.002"
    record = read_record(tmp_path / "out")
    assert record is not None
    figures = record.measurements[QUALITY]
    assert figures["kl_mean"] == pytest.approx(made.chosen.divergence, rel=1e-3)
    measured = workspace.measure(tmp_path / "out", MeasureRequest(tokens=TOKENS)).result()
    assert measured.figure("kl_mean").value == pytest.approx(made.chosen.divergence, rel=1e-5)
    recipe = tmp_path / "recipe.json"
    recipe.write_bytes(to_json(recipe_of(tmp_path / "out", lambda ref: ref)))
    again = replace(read_recipe(recipe, ref=str(tiny_llama)), output=(str(tmp_path / "again"),))
    assert workspace.convert(again, inline=True).result().models[0].chosen is None
    assert (tmp_path / "again/model.safetensors").read_bytes() == (tmp_path / "out/model.safetensors").read_bytes()


@pytest.mark.slow
def test_a_divergence_that_can_not_be_had_is_refused_with_one_that_can(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConversionFailed) as caught:
        workspace.convert(request(tiny_llama, tmp_path / "out", 1e-12), inline=True).result()
    assert caught.value.code == "divergence_reach"
    assert not list(tmp_path.glob("*out*"))
    (step,) = caught.value.remedies
    more = replace(request(tiny_llama, tmp_path / "out", 1), strategy=step.value)  # type: ignore[union-attr]
    assert workspace.convert(more, inline=True).result().path == tmp_path / "out"


def test_several_outputs_are_refused_before_anything_is_read(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    asked = ConvertRequest(
        ref=str(tiny_llama),
        preset=("4bit", "8bit"),
        group_size=32,
        strategy="kl:0.1",
        output=(str(tmp_path / "a"), str(tmp_path / "b")),
    )
    with pytest.raises(PreflightFailed) as caught:
        workspace.convert(asked, inline=True).result()
    assert caught.value.code == "divergence_outputs"


@pytest.mark.parametrize("name", ["kl:", "kl:nan", "kl:0", "kl:-1", "kl:inf", "kl:close"])
def test_what_is_no_divergence_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        divergence_named(name, Quantization(bits=4))
    assert caught.value.code == "divergence"


@given(layers_of, st.floats(0, 1e6), st.floats(0, 1e6))
def test_who_expects_more_error_never_takes_more_bytes(layers: list, one: float, other: float) -> None:  # type: ignore[type-arg]
    less, more = (
        cost(layers, Divergence(divergence=1.0).expecting(error).choose(layers, 10**9))
        for error in sorted((one, other))
    )
    assert more[0] <= less[0]
    best = cost(layers, Divergence(divergence=1.0).expecting(0).choose(layers, 10**9))[1]
    assert less[1] <= max(min(one, other), best) * (1 + 1e-9) + 1e-6


@given(st.floats(1e-4, 1), st.floats(0.05, 20), st.floats(0.6, 1.7))
def test_a_few_tries_find_a_model_near_what_is_allowed(most: float, factor: float, power: float) -> None:
    tries: list[Try] = []
    while (expected := next_expected(most, tries)) is not None:
        divergence = factor * most * (expected / most) ** power
        size = 10**9 - round(10**8 * math.log(max(expected, 1e-12)))
        tries.append(Try(expected, divergence, size))
    best = smallest(most, tries)
    assert len(tries) <= TRIES
    assert best is not None
    assert 0.7 * most < tries[best].divergence <= most
