"""How a model is to answer: a system text, and the numbers of its sampler with their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlx_convert_core.base.paths import is_text
from mlx_convert_core.errors import InvalidRequest

SAMPLER_LIMITS: Mapping[str, tuple[float, float]] = {
    "max_tokens": (1, 1_000_000),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (0, 1_000_000),
    "min_p": (0, 1),
    "repetition_penalty": (0.1, 2),
    "seed": (0, 2**63 - 1),
}
"""The least and the most that each number of a sampler may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings:
    """The system text and the sampler, of one answer or of a whole conversation.

    ``temperature`` 0 picks the likeliest token always; ``top_p``, ``top_k`` and ``min_p`` cut unlikely tokens (0
    switches each off); ``repetition_penalty`` 1 is none; ``seed`` None draws one. Raises InvalidRequest (codes
    ``not_text``, ``out_of_range``).
    """

    system: str | None = None
    max_tokens: int = 512
    temperature: float = 0.7
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if not is_text(self.system or ""):
            raise InvalidRequest("the system text is no text: it is not UTF-8.", hint="Type it again.", code="not_text")
        for name, (low, high) in SAMPLER_LIMITS.items():
            if (value := getattr(self, name)) is not None:
                _within(sampler_word(name), value, low, high)


def sampler_word(name: str) -> str:
    """What a number of a sampler is called in a sentence: ``top-p``, ``repetition penalty``."""
    return name.replace("top_", "top-").replace("min_", "min-").replace("_", " ")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidRequest(
            f"{name} is {value:g}, which is outside {low:,} to {high:,}.",
            hint=f"Use a number from {low:,} to {high:,}.",
            code="out_of_range",
        )
