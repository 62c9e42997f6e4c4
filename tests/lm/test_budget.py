"""Bits for each layer within a number of bytes: the sharing out itself, and conversions with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lm.measured_layers import NUMBERS, cost, layers_of, least
from mlx_convert_lm.budget import Budget, budget_named, shared_out

from mlx_convert_core import ConvertRequest, InvalidRequest, PluginError, Quantization, Workspace
from mlx_convert_core.plugin import (
    LayerChoice,
    LayerInfo,
    MeasuredLayer,
    ModelSizes,
    SetOption,
    hookimpl,
    read_recipe,
    read_record,
    recipe_of,
    to_json,
)

pytestmark = pytest.mark.usefixtures("short_text")


@given(layers_of, st.integers(0, 100_000))
def test_the_room_is_never_exceeded_and_the_same_room_gives_the_same_choice(
    layers: list[MeasuredLayer], more: int
) -> None:
    room = least(layers) + more
    chosen = shared_out(layers, room)
    assert cost(layers, chosen)[0] <= room
    assert shared_out(layers, room) == chosen


@given(layers_of, st.integers(0, 50_000), st.integers(0, 50_000))
def test_more_room_never_gives_more_error(layers: list[MeasuredLayer], less: int, more: int) -> None:
    small = cost(layers, shared_out(layers, least(layers) + less))[1]
    large = cost(layers, shared_out(layers, least(layers) + less + more))[1]
    assert large <= small * (1 + 1e-9) + 1e-6


def test_room_for_everything_takes_the_smallest_error_of_each_layer() -> None:
    choices = tuple(
        LayerChoice(quantization=one, nbytes=100 - place, error=float(place)) for place, one in enumerate(NUMBERS)
    )
    layer = MeasuredLayer(layer=LayerInfo(path="a", shape=(4, 128)), choices=choices)
    assert shared_out([layer], 1000) == {"a": NUMBERS[0]}


@pytest.mark.parametrize(
    ("name", "budget"),
    [
        ("bpw:4.5", Budget(bits=4.5)),
        ("fit:6GB", Budget(file_bytes=6_000_000_000)),
        ("fit:750 mb", Budget(file_bytes=750_000_000)),
        ("fit:123456", Budget(file_bytes=123_456)),
        ("mixed_4_6", None),
    ],
)
def test_budgets_are_read_in_decimal_units(name: str, budget: Budget | None) -> None:
    assert budget_named(name, Quantization(bits=4)) == budget


@pytest.mark.parametrize("name", ["bpw:", "bpw:nan", "bpw:-3", "bpw:inf", "fit:", "fit:6 apples", "fit:0"])
def test_a_budget_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        budget_named(name, Quantization(bits=4))
    assert caught.value.code == "budget"


def request(source: Path, output: Path, strategy: str, **options: Any) -> ConvertRequest:
    return ConvertRequest(ref=str(source), group_size=32, strategy=strategy, output=output, **options)


def test_the_plan_says_the_most_and_the_result_keeps_to_it_and_is_made_again_without_measuring(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    asked = request(tiny_llama, tmp_path / "out", "bpw:4.7", method="tuned")
    (plan,) = workspace.plan(asked).outputs
    assert plan.at_most
    assert not plan.exact
    made = workspace.convert(asked, inline=True).result().models[0]
    assert made.bits_per_weight <= 4.7
    assert made.weight_bytes <= plan.weight_bytes
    assert made.chosen is not None
    assert made.chosen.measure == "output"
    assert made.chosen.strategy == "bpw:4.7"
    assert len({layer.quantization for layer in made.layers}) > 1
    record = read_record(tmp_path / "out")
    assert record is not None
    assert record.layers == made.layers
    assert record.chosen == made.chosen
    assert record.chosen.errors.keys() == {layer.path for layer in made.layers}
    assert sum(record.chosen.errors.values()) == pytest.approx(record.chosen.error, rel=1e-3)
    seen = workspace.details(made.path).layers
    sizes = {layer.path: (layer.bits, layer.nbytes) for layer in seen if not layer.vector}
    assert {path: (one.bits, one.bytes) for path, one in record.stored.items()} == sizes
    recipe = tmp_path / "recipe.json"
    recipe.write_bytes(to_json(recipe_of(tmp_path / "out", lambda ref: ref)))
    again = replace(read_recipe(recipe, ref=str(tiny_llama)), output=(str(tmp_path / "again"),))
    repeated = workspace.convert(again, inline=True).result().models[0]
    assert repeated.chosen is None
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


@pytest.mark.parametrize("size", [150_000, 181_001])
def test_weight_files_are_as_large_as_was_asked_for_at_most(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, size: int
) -> None:
    made = workspace.convert(request(tiny_llama, tmp_path / "out", f"fit:{size}"), inline=True).result().models[0]
    assert 0.9 * size < (tmp_path / "out" / "model.safetensors").stat().st_size == made.weight_bytes <= size


@pytest.mark.parametrize(
    ("strategy", "code"), [("bpw:1.5", "budget_small"), ("fit:2kB", "budget_small"), ("bpw:40", "budget_large")]
)
def test_a_budget_that_can_not_be_had_is_refused_with_one_that_can(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, strategy: str, code: str
) -> None:
    asked = request(tiny_llama, tmp_path / "out", strategy)
    with pytest.raises(InvalidRequest) as caught:
        workspace.convert(asked, inline=True).result()
    assert caught.value.code == code
    (step,) = caught.value.remedies
    assert isinstance(step, SetOption)
    if code == "budget_small":
        assert workspace.convert(replace(asked, strategy=str(step.value)), inline=True).result().models[0].chosen


def test_a_strategy_of_a_plugin_is_told_what_its_choices_cost(tiny_llama: Path, tmp_path: Path) -> None:
    seen: list[MeasuredLayer] = []

    class Best:
        """Eight bits where it matters most, four elsewhere."""

        def options(self, layer: LayerInfo) -> tuple[Quantization, ...]:
            return Quantization(bits=4, group_size=32), Quantization(bits=8, group_size=32)

        def limit(self, sizes: ModelSizes) -> int:
            return sizes.most

        def choose(self, layers: Sequence[MeasuredLayer], room: int) -> Mapping[str, Quantization]:
            seen.extend(layers)
            worst = max(layers, key=lambda one: one.choices[0].error)
            return {one.layer.path: one.choices[one is worst].quantization for one in layers}

        def repeated(self, choice: Mapping[str, Quantization | None]) -> str:
            return Budget(bits=4.5).repeated(choice)

    class Plugin:
        @hookimpl
        def quantize_strategy(self, name: str) -> Best | None:
            return Best() if name == "best" else None

    with Workspace(home=tmp_path / "home", plugins=[Plugin()]) as workspace:
        made = workspace.convert(request(tiny_llama, tmp_path / "out", "best"), inline=True).result().models[0]
    assert sum(layer.quantization.bits == 8 for layer in made.layers) == 1
    assert all(one.choices[0].error > one.choices[1].error > 0 for one in seen)


def test_a_strategy_that_takes_more_than_it_may_is_named(tiny_llama: Path, tmp_path: Path) -> None:
    class Greedy(Budget):
        def choose(self, layers: Sequence[MeasuredLayer], room: int) -> Mapping[str, Quantization]:
            return {one.layer.path: one.choices[-1].quantization for one in layers}

    class Plugin:
        @hookimpl
        def quantize_strategy(self, name: str) -> Budget | None:
            return Greedy(bits=4.5) if name == "greedy" else None

    with (
        Workspace(home=tmp_path / "home", plugins=[Plugin()]) as workspace,
        pytest.raises(PluginError, match=r"quantize_strategy.*bytes, where"),
    ):
        workspace.convert(request(tiny_llama, tmp_path / "out", "greedy"), inline=True).result()
    assert not (tmp_path / "out").exists()
