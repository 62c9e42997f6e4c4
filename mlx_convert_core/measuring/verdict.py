"""What the figures mean, in a sentence.

The limits are limits on what a person could notice. On average over a text, the probability that a model puts on other
words than its source does is at most the square root of half the KL divergence (Pinsker's inequality, and Jensen's for
the mean): 7 % at 0.01 nats, 16 % at 0.05, 32 % at 0.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from mlx_convert_core.model.measurements import MeasuredFigure

KL = "kl_mean"
_WORDS = (
    (0.0, "It computes the same as its source."),
    (0.01, "Hardly to be told from its source."),
    (0.05, "Close to its source."),
    (0.2, "Noticeably different from its source."),
    (math.inf, "Far from its source: expect worse answers."),
)


def verdict(figures: Iterable[MeasuredFigure]) -> tuple[str, str]:
    """The verdict and its reason, ("", "") without a KL divergence. The upper end of its interval counts."""
    found = next((figure for figure in figures if figure.name == KL), None)
    if found is None:
        return "", ""
    words = next(words for limit, words in _WORDS if found.high <= limit)
    if not found.high:
        return words, ""
    moved = min(1.0, math.sqrt(found.high / 2))
    return words, f"On average at most {moved:.0%} of the probability lies on other words than the source's."
