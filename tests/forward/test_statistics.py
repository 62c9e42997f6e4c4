"""What is told of a layer's inputs is what went into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx_convert_engine.forward.statistics import FEW_TOKENS, BlockStatistics, collect
from mlx_convert_engine.forward.streamed import StreamedModel
from mlx_convert_engine.forward.sums import Sums

from forward.models import SEQUENCES, Quiet, plain_model, tiny

TOKENS = [token for sequence in SEQUENCES for token in sequence]


def collected(load: Any, **options: Any) -> dict[str, BlockStatistics]:
    """The statistics of all blocks, by path."""
    return {block.path: block for block in collect(StreamedModel(load), SEQUENCES, Quiet(), **options)}


def test_second_moments_are_those_of_an_independent_computation(tmp_path: Path) -> None:
    load = tiny(tmp_path, "llama")
    found = collected(load, wants_full=lambda path, inputs: True)
    assert list(found) == ["model.layers.0", "model.layers.1", ""]
    model = plain_model(load)
    embedded = np.array(model.model.embed_tokens.weight)[TOKENS]
    norm = np.array(model.model.layers[0].input_layernorm.weight)
    x = embedded / np.sqrt(np.mean(embedded**2, axis=1, keepdims=True) + 1e-5) * norm
    for name in ("q_proj", "k_proj", "v_proj"):
        layer = found["model.layers.0"].layers[f"model.layers.0.self_attn.{name}"]
        np.testing.assert_allclose(np.array(layer.second_moments), np.mean(x**2, axis=0), rtol=1e-5)
        np.testing.assert_allclose(np.array(layer.full[0]), x.T @ x / len(x), rtol=1e-4, atol=1e-6)
        assert layer.tokens == len(TOKENS)


def test_layers_with_the_same_inputs_share_the_full_matrix(tmp_path: Path) -> None:
    layers = collected(tiny(tmp_path, "llama"), wants_full=lambda path, inputs: "v_proj" not in path)
    first = layers["model.layers.0"].layers
    queries, keys, values = (first[f"model.layers.0.self_attn.{name}"] for name in ("q_proj", "k_proj", "v_proj"))
    assert queries.full is keys.full
    assert len(queries.full) == 1
    assert values.full == ()


def test_embedding_and_head_are_told_last(tmp_path: Path) -> None:
    outside = collected(tiny(tmp_path, "llama"))[""].layers
    frequency = np.array(outside["model.embed_tokens"].frequency)
    assert frequency[17] == pytest.approx(3 / len(TOKENS))
    assert frequency.sum() == pytest.approx(1)
    assert outside["lm_head"].second_moments.shape == (64,)
    assert outside["lm_head"].tokens == len(TOKENS)


def test_a_tied_head_has_both_uses(tmp_path: Path) -> None:
    load = tiny(tmp_path, "gemma3_text")
    model = StreamedModel(load)
    states = np.concatenate([np.array(hidden) for hidden in model.hidden(SEQUENCES, Quiet())])
    tied = collected(load)[""].layers["model.embed_tokens"]
    np.testing.assert_allclose(np.array(tied.second_moments), np.mean(states**2, axis=0), rtol=1e-5)
    assert tied.frequency.sum().item() == pytest.approx(1)


def test_experts_are_told_apart_and_drawn_together_where_few_tokens_came(tmp_path: Path) -> None:
    found = collected(tiny(tmp_path, "qwen3_moe"))
    layer = found["model.layers.1"].layers["model.layers.1.mlp.switch_mlp.gate_proj"]
    assert layer.second_moments.shape == (4, 64)
    assert sum(layer.expert_tokens) == layer.tokens == 2 * len(TOKENS)
    gate = found["model.layers.1"].layers["model.layers.1.mlp.gate"]
    assert gate.second_moments.shape == (64,)


@pytest.mark.parametrize("sorted_before", [False, True])
def test_an_expert_sees_its_own_tokens_only(sorted_before: bool) -> None:
    numbers = np.random.default_rng(5)
    tokens, experts = numbers.standard_normal((10, 8)).astype(np.float32), 4
    chosen = np.stack([numbers.choice(experts, 2, replace=False) for _ in tokens])
    sums = Sums(None)
    if sorted_before:  # as mlx-lm hands many tokens over: a row for each pair, in the order of experts
        order = np.argsort(chosen.reshape(-1), kind="stable")
        rows = mx.array(tokens[order // 2])[:, None, :]
        sums.add_chosen("layer", rows, mx.array(chosen.reshape(-1)[order]), experts)
    else:
        sums.add_chosen("layer", mx.array(tokens)[:, None, None, :], mx.array(chosen), experts)
    seen = sums.of("layer")
    for expert in range(experts):
        own = tokens[(chosen == expert).any(axis=1)]
        np.testing.assert_allclose(np.array(seen.squares)[expert], (own**2).sum(axis=0), rtol=1e-5, atol=1e-6)
        assert seen.counts[expert].item() == len(own)


def test_an_expert_without_tokens_has_the_whole_layers_moments() -> None:
    from mlx_convert_engine.forward.statistics import _drawn_together

    squares = mx.array([[8.0, 2.0], [0.0, 0.0]])
    moments = np.array(_drawn_together(squares, mx.array([4.0, 0.0])))
    np.testing.assert_allclose(moments[1], [2.0, 0.5])
    np.testing.assert_allclose(moments[0], [(8 + FEW_TOKENS * 2) / (4 + FEW_TOKENS), 0.5], rtol=1e-6)


def test_a_layer_whose_weight_is_used_without_a_call_is_named(tmp_path: Path) -> None:
    unseen = collected(tiny(tmp_path, "deepseek_v3"))["model.layers.0"].unseen
    assert unseen == ("model.layers.0.self_attn.embed_q",)


def test_watching_changes_no_result(tmp_path: Path) -> None:
    model = StreamedModel(tiny(tmp_path, "llama"))
    kinds = {path: type(layer) for path, layer in model.layers_of("model.layers.0").items()}
    for _ in collect(model, SEQUENCES, Quiet()):
        pass
    assert {path: type(layer) for path, layer in model.layers_of("model.layers.0").items()} == kinds
    watched = [np.array(state) for state in model.hidden(SEQUENCES, Quiet())]
    fresh = [np.array(state) for state in StreamedModel(tiny(tmp_path / "other", "llama")).hidden(SEQUENCES, Quiet())]
    assert all(np.array_equal(one, other) for one, other in zip(watched, fresh, strict=True))
