"""The built-in figures, against NumPy in float64."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_convert_quality.metrics import agreement, divergence, perplexity, surprise

from mlx_convert_core.plugin import TokenScores

WORDS = 50


def expectations(seed: int, spread: float, silent: int = 0) -> np.ndarray:
    """What a model expects of three tokens: the logarithm of each word's probability, 0 for the last ``silent``."""
    logits = np.random.default_rng(seed).standard_normal((3, WORDS)) * spread
    logits[:, WORDS - silent :] = -np.inf
    highest = logits.max(-1, keepdims=True)
    return logits - highest - np.log(np.exp(logits - highest).sum(-1, keepdims=True))


def scores(model: np.ndarray, source: np.ndarray) -> TokenScores:
    return TokenScores(tokens=(0, 1, 2), log_probs=model.astype(np.float32), reference=source.astype(np.float32))


spreads = st.floats(0, 200)


@settings(max_examples=50)
@given(st.integers(0, 2**32), spreads, spreads, st.integers(0, 20))
def test_a_divergence_is_never_below_zero_and_the_sum_that_it_is_defined_as(
    seed: int, one: float, other: float, silent: int
) -> None:
    source, model = expectations(seed, one, silent), expectations(seed + 1, other)
    found = np.array(list(divergence(scores(model, source))))
    with np.errstate(invalid="ignore"):
        terms = np.where(np.exp(source) > 0, np.exp(source) * (source - model), 0)
    assert (found >= 0).all()
    np.testing.assert_allclose(found, terms.sum(-1), rtol=1e-4, atol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 2**32), spreads, st.integers(0, 20))
def test_the_same_expectations_differ_by_nothing_and_agree(seed: int, spread: float, silent: int) -> None:
    same = expectations(seed, spread, silent)
    assert list(divergence(scores(same, same))) == [0, 0, 0]
    assert list(agreement(scores(same, same))) == [1, 1, 1]
    assert perplexity([list(surprise(scores(same, same)))]) >= 1
