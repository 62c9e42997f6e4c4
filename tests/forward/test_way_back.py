"""Going back through a model block by block gives the gradients of the whole model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten
from mlx_convert_engine.forward.streamed import StreamedModel
from mlx_convert_engine.forward.way_back import SEED, Felt, NoWayBack, WayBack

from forward.models import SEQUENCES, Quiet, plain_model, tiny


@pytest.mark.parametrize("model_type", ["llama", "gemma3_text", "qwen3_moe"])
def test_gradients_are_those_of_the_whole_model(model_type: str, tmp_path: Path) -> None:
    load = tiny(tmp_path, model_type)
    found: dict[str, Any] = {}
    heads: dict[str, Any] = {}

    def feel(path: str, layer: Any, felt: Felt) -> None:
        if felt.variance is not None:
            heads[path] = felt
        elif felt.x is not None:
            found[path] = found.get(path, 0) + weight_gradient(layer, felt)

    (tmp_path / "states").mkdir()
    back = WayBack(StreamedModel(load), SEQUENCES, tmp_path / "states")
    back.forth(Quiet())
    passed = list(back.blocks(feel, Quiet()))
    assert passed[0] == passed[-1] == ""
    assert len(set(passed[1:-1])) == len(passed) - 2, "each block comes once, when all went through it"
    assert not list((tmp_path / "states").iterdir())
    whole = dict(tree_flatten(whole_gradients(plain_model(load))))
    assert len(found) > 6
    assert heads
    for path, gradient in found.items():
        np.testing.assert_allclose(gradient, np.array(whole[f"{path}.weight"]), rtol=2e-3, atol=2e-3, err_msg=path)


def test_a_class_that_does_something_between_its_blocks_says_so(tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    back = WayBack(StreamedModel(tiny(tmp_path, "nanbeige")), SEQUENCES, tmp_path / "states")
    with pytest.raises(NoWayBack, match="between its blocks"):
        back.forth(Quiet())


def weight_gradient(layer: Any, felt: Felt) -> Any:
    """What a layer's weight would get of one call: the sum of g xᵀ."""
    x, gradient = np.array(felt.x.astype(mx.float32)), np.array(felt.gradient.astype(mx.float32))
    if layer.weight.ndim == 2:
        return gradient.reshape(-1, gradient.shape[-1]).T @ x.reshape(-1, x.shape[-1])
    outer = gradient.shape[:-2]
    x = np.broadcast_to(x, (*outer, *x.shape[-2:])).reshape(-1, x.shape[-1])
    chosen = np.broadcast_to(np.array(felt.chosen), outer).reshape(-1)
    gradient = gradient.reshape(-1, gradient.shape[-1])
    total = np.zeros(layer.weight.shape, np.float32)
    for member, one, other in zip(chosen, gradient, x, strict=True):
        total[member] += np.outer(one, other)
    return total


def whole_gradients(model: Any) -> Any:
    """The gradients of the same loss by MLX itself: labels are drawn from what the model expects."""

    def loss(model: Any) -> Any:
        total = mx.array(0.0)
        for number, sequence in enumerate(SEQUENCES):
            logits = model(mx.array([list(sequence)])).astype(mx.float32)
            labels = mx.random.categorical(mx.stop_gradient(logits), key=mx.random.key(SEED + 100_003 * number))
            total = total + nn.losses.cross_entropy(logits, labels).sum()
        return total

    return nn.value_and_grad(model, loss)(model)[1]
