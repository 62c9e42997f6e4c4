"""Rotary position embeddings: how a GGUF file says that they are stretched, and how config.json does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mlx_convert_core.plugin import UnsupportedModel
from mlx_convert_gguf.numbers import Numbers
from mlx_convert_gguf.origin import the_original

FACTORS = "rope_freqs.weight"
_SHORT, _LONG = "rope_factors_short.weight", "rope_factors_long.weight"
# Tensors that belong to the settings: some dozen numbers each.
VECTORS = (FACTORS, _SHORT, _LONG)
# Llama 3.1 and later; a GGUF file holds the factors that these numbers give, not the numbers.
LOW, HIGH, ORIGINAL = 1.0, 4.0, 8192


def rope_scaling(numbers: Numbers, factors: Mapping[str, Sequence[float]]) -> dict[str, Any] | None:
    """The ``rope_scaling`` of config.json, None when nothing is stretched.

    Raises UnsupportedModel (``gguf_rope``) for a kind that can't be said there.
    """
    kind = numbers.text("rope.scaling.type", "")
    factor = numbers.number("rope.scaling.factor", numbers.number("rope.scale_linear", 1.0))
    if not kind and factor != 1.0:
        kind = "linear"
    if _LONG in factors or _SHORT in factors:
        return _long(numbers, factors)
    if FACTORS in factors:
        if kind not in ("", "none"):
            raise _unknown(numbers, f"both factors ({FACTORS}) and '{kind}' scaling")
        return _from_factors(numbers, factors[FACTORS])
    if kind in ("", "none"):
        return None
    if kind == "linear":
        return {"rope_type": "linear", "type": "linear", "factor": factor} if factor != 1.0 else None
    if kind == "yarn":
        return _yarn(numbers, factor)
    raise _unknown(numbers, f"'{kind}' scaling")


def _from_factors(numbers: Numbers, factors: Sequence[float]) -> dict[str, Any] | None:
    if all(factor == 1.0 for factor in factors):
        return None
    factor = max(factors)
    expected = llama3_factors(numbers.number("rope.freq_base", 10000.0), numbers["head"], factor)
    if len(expected) != len(factors) or not all(
        math.isclose(ours, theirs, rel_tol=1e-4) for ours, theirs in zip(expected, factors, strict=True)
    ):
        raise _unknown(numbers, f"factors ({FACTORS}) that are not those of Llama 3")
    return {
        "rope_type": "llama3",
        "factor": factor,
        "low_freq_factor": LOW,
        "high_freq_factor": HIGH,
        "original_max_position_embeddings": ORIGINAL,
    }


def _long(numbers: Numbers, factors: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Phi's way: a factor for each frequency, others for long texts than for short ones."""
    short, long = factors.get(_SHORT, ()), factors.get(_LONG, ())
    if not len(short) == len(long) == numbers["rope"] // 2:
        raise _unknown(numbers, f"{len(short)} short and {len(long)} long factors")
    return {"rope_type": "longrope", "type": "longrope", "short_factor": list(short), "long_factor": list(long)}


def llama3_factors(theta: float, head_dim: int, factor: float) -> list[float]:
    """What each frequency is divided by in Llama 3.1 and later."""
    factors = []
    for index in range(0, head_dim, 2):
        wavelength = 2 * math.pi * theta ** (index / head_dim)
        smooth = min(1.0, max(0.0, (ORIGINAL / wavelength - LOW) / (HIGH - LOW)))
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return factors


def _yarn(numbers: Numbers, factor: float) -> dict[str, Any]:
    if numbers.architecture.latent:
        # DeepSeek's own; its two factors are the same in every model, and the file has one of them, by 10.
        scale = numbers.number("rope.scaling.yarn_log_multiplier", 0.0) * 10
        more = {"mscale": round(scale, 6), "mscale_all_dim": round(scale, 6)} if scale else {}
    elif numbers.says("rope.scaling.yarn_log_multiplier"):
        raise _unknown(numbers, "'yarn' scaling with yarn_log_multiplier")
    else:
        more = {}
    for name in ("attn_factor", "yarn_ext_factor", "yarn_attn_factor"):
        if numbers.says(f"rope.scaling.{name}"):
            raise _unknown(numbers, f"'yarn' scaling with {name}")
    betas = {
        f"beta_{name}": numbers.number(f"rope.scaling.yarn_beta_{name}")
        for name in ("fast", "slow")
        if numbers.says(f"rope.scaling.yarn_beta_{name}")
    }
    return {
        "rope_type": "yarn",
        "type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": numbers.integer("rope.scaling.original_context_length"),
        **betas,
        **more,
    }


def _unknown(numbers: Numbers, what: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"{numbers.fields.name} stretches its positions by {what}, which can't be said in a checkpoint's config.json.",
        hint=the_original(numbers.fields),
        code="gguf_rope",
    )
