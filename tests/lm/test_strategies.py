"""The three kinds of strategies: uniform, mixed recipes, and a map of layer patterns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlx_convert_lm.strategies import strategy_named, unfit
from random_llama import write_llama

from mlx_convert_core import ConvertRequest, InvalidRequest, ModelInfo, OutputPlan, Quantization, Workspace
from mlx_convert_core.plugin import LayerInfo, QuantizedLayer

FOUR = Quantization(bits=4)


def layer(path: str, num_layers: int = 16) -> LayerInfo:
    return LayerInfo(path=path, shape=(64, 64), num_layers=num_layers)


def test_uniform_gives_every_layer_the_same() -> None:
    strategy = strategy_named("uniform", FOUR)
    assert strategy is not None
    assert strategy(layer("model.layers.3.mlp.up_proj")) == FOUR


@pytest.mark.parametrize(
    ("path", "bits"),
    [
        ("lm_head", 6),
        ("model.embed_tokens", 4),
        ("model.layers.0.mlp.down_proj", 6),  # the first eighth
        ("model.layers.15.self_attn.v_proj", 6),  # the last eighth
        ("model.layers.4.mlp.down_proj", 6),  # every third between
        ("model.layers.3.mlp.down_proj", 4),
        ("model.layers.0.mlp.up_proj", 4),
    ],
)
def test_mixed_gives_more_bits_to_what_matters_most(path: str, bits: int) -> None:
    strategy = strategy_named("mixed_4_6", FOUR)
    assert strategy is not None
    chosen = strategy(layer(path))
    assert chosen is not None
    assert chosen.bits == bits


def test_a_map_is_asked_in_order_and_null_keeps_a_layer() -> None:
    rules = {"embed": None, r"layers\.0\.": 8, "down_proj": {"bits": 6, "group_size": 32}}
    strategy = strategy_named(f"map:{json.dumps(rules)}", FOUR)
    assert strategy is not None
    assert strategy(layer("model.embed_tokens")) is None
    assert strategy(layer("model.layers.0.mlp.down_proj")) == Quantization(bits=8)
    assert strategy(layer("model.layers.1.mlp.down_proj")) == Quantization(bits=6, group_size=32)
    assert strategy(layer("model.layers.1.mlp.up_proj")) == FOUR


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"(": 4}', '{"a": 7}', '{"a": true}', '{"a": {"bit": 4}}'])
def test_a_map_that_makes_no_sense_is_refused_before_anything_is_read(text: str) -> None:
    with pytest.raises(InvalidRequest):
        strategy_named(f"map:{text}", FOUR)


def test_a_map_from_a_request_decides_every_layer_and_config_says_so(tmp_path: Path, workspace: Workspace) -> None:
    source = write_llama(tmp_path / "source")
    request = ConvertRequest(
        ref=str(source), bits=4, strategy='map:{"embed": null, "down_proj": 8}', output=tmp_path / "model"
    )
    plan = workspace.plan(request)
    assert [layer.path for layer in plan.outputs[0].kept] == ["model.embed_tokens"]
    assert plan.outputs[0].kept[0].reason == "the strategy keeps it"
    workspace.convert(request).result()
    quantization = json.loads((tmp_path / "model" / "config.json").read_text())["quantization"]
    assert quantization["bits"] == 4
    assert quantization["model.layers.1.mlp.down_proj"] == {"group_size": 64, "bits": 8, "mode": "affine"}
    assert "model.embed_tokens" not in quantization


@pytest.mark.parametrize(
    ("path", "strategy", "fits"),
    [
        ("model.layers.0.mlp.down_proj", "mixed_2_6", True),
        ("backbone.layers.0.mixer.in_proj", "mixed_2_6", False),
        ("backbone.layers.0.mixer.in_proj", None, True),
    ],
)
def test_a_recipe_that_does_not_fit_is_said(path: str, strategy: str | None, fits: bool) -> None:
    model = ModelInfo(ref="m", name="m", config={"model_type": "mamba"})
    quantized = (QuantizedLayer(path=path, quantization=FOUR),)
    output = OutputPlan(preset="mixed", path=Path("m"), strategy=strategy, quantized=quantized)
    found = list(unfit(model, [output]))
    assert [finding.code for finding in found] == ([] if fits else ["recipe"])
    assert all("does not fit mamba" in finding.message and "2 bits" in finding.message for finding in found)
