"""The built-in figures. All divergences are in nats, from the source's probabilities to the model's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mlx_convert_core.plugin import Metric, TokenScores


def divergence(scores: TokenScores) -> Iterable[float]:
    """KL(source ‖ model) in the place of each token: the sum over all words of p (log p − log q), never below 0.

    A word that the source rules out adds nothing. Rounding gives a hair less than 0 for probabilities that are nearly
    the same; that counts as 0.
    """
    import mlx.core as mx

    source, model = mx.array(scores.reference), mx.array(scores.log_probs)
    expected = mx.exp(source)
    terms = mx.where(expected > 0, expected * (source - model), 0)  # without it 0 times infinity
    return _listed(mx.maximum(mx.sum(terms, axis=-1), 0))


def agreement(scores: TokenScores) -> Iterable[float]:
    """1 where both find the same word the likeliest, else 0."""
    import mlx.core as mx

    same = mx.argmax(mx.array(scores.reference), axis=-1) == mx.argmax(mx.array(scores.log_probs), axis=-1)
    return _listed(same.astype(mx.float32))


def surprise(scores: TokenScores) -> Iterable[float]:
    """Minus the logarithm of the probability of the token that came."""
    import mlx.core as mx

    came = mx.array(list(scores.tokens))[:, None]
    return _listed(-mx.take_along_axis(mx.array(scores.log_probs), came, axis=-1)[:, 0])


def perplexity(sequences: Sequence[Sequence[float]]) -> float:
    """Among how many words, equally likely, a model seems to choose: e to the mean surprise."""
    import numpy as np

    return float(np.exp(np.concatenate(sequences).mean()))


def median(sequences: Sequence[Sequence[float]]) -> float:
    """What half of the tokens stay below."""
    return _quantile(sequences, 0.5)


def p99(sequences: Sequence[Sequence[float]]) -> float:
    """What 99 of 100 tokens stay below."""
    return _quantile(sequences, 0.99)


def largest(sequences: Sequence[Sequence[float]]) -> float:
    """The largest of any token; its interval has no upper end that means something."""
    return max(map(max, sequences))


METRICS = (
    Metric(name="kl_mean", title="KL divergence", unit="nats", per_token=divergence, better="lower"),
    Metric(
        name="kl_median",
        title="KL divergence, median",
        unit="nats",
        per_token=divergence,
        summary=median,
        better="lower",
    ),
    Metric(
        name="kl_p99",
        title="KL divergence, 99th percentile",
        unit="nats",
        per_token=divergence,
        summary=p99,
        better="lower",
    ),
    Metric(
        name="kl_max",
        title="KL divergence, largest",
        unit="nats",
        per_token=divergence,
        summary=largest,
        better="lower",
    ),
    Metric(name="top1", title="Same likeliest word", per_token=agreement, better="higher"),
    Metric(
        name="perplexity", title="Perplexity", per_token=surprise, summary=perplexity, better="lower", compares=False
    ),
)


def _quantile(sequences: Sequence[Sequence[float]], part: float) -> float:
    import numpy as np

    return float(np.quantile(np.concatenate(sequences), part))


def _listed(array: Any) -> list[float]:
    found: list[float] = array.tolist()
    return found
