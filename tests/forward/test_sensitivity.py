"""What an error in a layer is expected to do: the rows that stand for all, and how a table's words share its weight."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx_convert_engine.forward.way_back import Felt
from mlx_convert_engine.tuning.sensitivity import Importance, Sample


@given(st.integers(1, 5000), st.integers(0, 2**32 - 1))
def test_rows_that_are_looked_at_stand_for_all_and_the_heaviest_for_itself(height: int, seed: int) -> None:
    bearing = np.random.default_rng(seed).pareto(1, height)
    sample = Sample.of((height, 64), mx.array(bearing))
    rows, shares = np.array(sample.rows), np.array(sample.shares)[:, 0]
    assert len(set(rows.tolist())) == len(rows)
    assert shares.sum() == pytest.approx(height, rel=1e-4)
    if len(rows) > 1:
        assert shares[rows == bearing.astype(np.float32).argmax()] == [1]


def test_a_word_that_the_model_expects_bears_more_of_the_head_than_one_that_it_never_does() -> None:
    table = nn.Embedding(4000, 32)
    p = np.full(4000, 1e-5, np.float32)
    p[1234] = 0.9
    importance = Importance()
    variance = mx.array(p * (1 - p))[None]
    importance.feel("head", table, Felt(x=mx.ones((1, 32)), variance=variance))
    sample, weights = importance.known("head", table.weight.shape)
    each = dict(zip(np.array(sample.rows).tolist(), np.array(weights)[0], strict=True))
    assert each[1234] == pytest.approx(np.full(32, 0.09), rel=1e-3)
    total = float((sample.shares * weights).sum().item())
    assert total == pytest.approx(32 * float(variance.sum().item()), rel=1e-3), "what all rows bear"


def test_errors_where_a_layer_moves_the_output_most_are_weighed_exactly() -> None:
    layer = nn.Linear(64, 1000, bias=False)
    gradient = np.full((5, 1000), 1e-3, np.float32)
    gradient[:, 777] = 1
    x = np.random.default_rng(1).normal(size=(5, 64)).astype(np.float32)
    importance = Importance()
    importance.feel("up", layer, Felt(x=mx.array(x), gradient=mx.array(gradient)))
    sample, weights = importance.known("up", layer.weight.shape)
    place = np.array(sample.rows).tolist().index(777)
    np.testing.assert_allclose(np.array(weights)[0, place], (x**2).sum(axis=0), rtol=1e-5)
    whole = float((gradient**2).sum(axis=0).sum() * (x**2).sum() / 5)
    assert float((sample.shares * weights).sum().item()) == pytest.approx(whole, rel=0.01)
