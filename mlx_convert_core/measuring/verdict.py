"""What the figures mean, in a sentence.

The limits lie between what others have measured of well-known quantizations: llama.cpp's table of Llama 3 8B against
FP16, on Wikitext (tools/perplexity/README.md, revision f364eb6f), has a mean KL divergence of 0.0014 for q8_0, 0.0055
for q6_K, 0.011 for q5_K_M, 0.031 for q4_K_M, 0.072 for q4_0, 0.10 for q3_K_M, 0.23 for q3_K_S, 0.33 to 0.45 for q2_K,
1.4 for iq1_M. Another text gives other figures, and a small model loses more with the same bits: so the words
compare, they don't say what a person will notice.

How much probability moves is bounded without any such table: on average at most the square root of half the divergence
lies on other words than the source's (Pinsker's inequality, and Jensen's for the mean).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mlx_convert_core.model.measurements import MeasuredFigure

KL = "kl_mean"


@dataclass(frozen=True, slots=True)
class _Range:
    """Up to which divergence ``words`` are said, and at which bits Llama 3 8B loses as much."""

    most: float
    words: str
    like: str


_RANGES = (
    _Range(0.01, "Hardly to be told from its source.", "6 to 8 bits"),
    _Range(0.05, "Close to its source.", "4 to 5 bits"),
    _Range(0.25, "Different from its source here and there.", "3 bits, or 4 in the simplest way"),
    _Range(0.6, "Clearly different from its source: expect some worse answers.", "2 bits"),
    _Range(math.inf, "Far from its source: expect worse answers.", "less than 2 bits"),
)


def verdict(figures: Iterable[MeasuredFigure]) -> tuple[str, str]:
    """The verdict and its reason, ("", "") without a KL divergence. The upper end of its interval counts."""
    found = next((figure for figure in figures if figure.name == KL), None)
    if found is None:
        return "", ""
    if not found.high:
        return "It computes the same as its source.", ""
    told = next(one for one in _RANGES if found.high <= one.most)
    moved = min(1.0, math.sqrt(found.high / 2))
    return told.words, (
        f"In llama.cpp's table, Llama 3 8B loses as much at {told.like}; a small model loses more at the same bits."
        f" On average at most {moved:.0%} of the probability lies on other words than the source's."
    )
