"""Rotary position embeddings: how a GGUF file says that they are stretched, and how config.json does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlx_convert_core.plugin import UnsupportedModel
from mlx_convert_gguf.architecture import Architecture
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import the_original

FACTORS = "rope_freqs.weight"
# Llama 3.1 and later; a GGUF file holds the factors that these numbers give, not the numbers.
LOW, HIGH, ORIGINAL = 1.0, 4.0, 8192


def rope_scaling(
    fields: Fields, architecture: Architecture, theta: float, head_dim: int, factors: Sequence[float]
) -> dict[str, Any] | None:
    """The ``rope_scaling`` of config.json, None when nothing is stretched.

    Raises UnsupportedModel (``gguf_rope``) for a kind that can't be said there.
    """
    key = architecture.key
    kind = fields.text(key("rope.scaling.type"), "")
    factor = fields.number(key("rope.scaling.factor"), fields.number(key("rope.scale_linear"), 1.0))
    if not kind and factor != 1.0:
        kind = "linear"
    if factors:
        if kind not in ("", "none"):
            raise _unknown(fields, f"both factors ({FACTORS}) and '{kind}' scaling")
        return _from_factors(fields, theta, head_dim, factors)
    if kind in ("", "none"):
        return None
    if kind == "linear":
        return {"rope_type": "linear", "factor": factor} if factor != 1.0 else None
    if kind == "yarn":
        return _yarn(fields, architecture, factor)
    raise _unknown(fields, f"'{kind}' scaling")


def _from_factors(fields: Fields, theta: float, head_dim: int, factors: Sequence[float]) -> dict[str, Any] | None:
    if all(factor == 1.0 for factor in factors):
        return None
    factor = max(factors)
    expected = llama3_factors(theta, head_dim, factor)
    if len(expected) != len(factors) or not all(
        math.isclose(ours, theirs, rel_tol=1e-4) for ours, theirs in zip(expected, factors, strict=True)
    ):
        raise _unknown(fields, f"factors ({FACTORS}) that are not those of Llama 3")
    return {
        "rope_type": "llama3",
        "factor": factor,
        "low_freq_factor": LOW,
        "high_freq_factor": HIGH,
        "original_max_position_embeddings": ORIGINAL,
    }


def llama3_factors(theta: float, head_dim: int, factor: float) -> list[float]:
    """What each frequency is divided by in Llama 3.1 and later."""
    factors = []
    for index in range(0, head_dim, 2):
        wavelength = 2 * math.pi * theta ** (index / head_dim)
        smooth = min(1.0, max(0.0, (ORIGINAL / wavelength - LOW) / (HIGH - LOW)))
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return factors


def _yarn(fields: Fields, architecture: Architecture, factor: float) -> dict[str, Any]:
    for name in ("attn_factor", "yarn_log_multiplier", "yarn_ext_factor", "yarn_attn_factor"):
        if architecture.key(f"rope.scaling.{name}") in fields:
            raise _unknown(fields, f"'yarn' scaling with {name}")
    return {
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": fields.integer(architecture.key("rope.scaling.original_context_length")),
    }


def _unknown(fields: Fields, what: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"{fields.name} stretches its positions by {what}, which can't be said in a checkpoint's config.json.",
        hint=the_original(fields),
        code="gguf_rope",
    )
