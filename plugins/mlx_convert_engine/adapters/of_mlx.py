"""Adapters of mlx-lm: what each of their tensors changes. Source of the format: mlx_lm/tuner/lora.py and dora.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlx_convert_core.plugin import Adapter, TensorInfo
from mlx_convert_engine.adapters.changes import Change, Factor, Misfit, rank_of

_PART = re.compile(r"^(?P<path>.+)\.(?P<part>lora_a|lora_b|m)$")
_SCALE = 20.0  # of mlx-lm, where a config names none
_WORDS = re.compile(r"(?:^|\.)(?:embed_tokens|wte|word_embeddings|tok_embeddings)$")


def changes_of(adapter: Adapter) -> dict[str, Change]:
    """What an adapter of mlx-lm changes, by names of tensors. Raises Misfit."""
    kind = adapter.config.get("fine_tune_type", "lora")
    if kind not in ("lora", "dora", "full"):
        raise Misfit(code="adapter_kind", told=f"it is of the kind {kind!r:.40}, which is not known here")
    parts: dict[str, dict[str, TensorInfo]] = {}
    changes: dict[str, Change] = {}
    for tensor in adapter.tensors:
        found = _PART.match(tensor.name)
        if found is None:
            changes[tensor.name] = Change(new=tensor)
        else:
            parts.setdefault(found["path"], {})[found["part"]] = tensor
    settings = adapter.config.get("lora_parameters")
    settings = settings if isinstance(settings, dict) else adapter.config
    scale = _scale(settings)
    for path, own in parts.items():
        if "lora_a" not in own or "lora_b" not in own:
            raise Misfit(code="adapter_misfit", told=f"{path} has only a part of an adapter: {', '.join(sorted(own))}")
        one, other = own["lora_a"], own["lora_b"]
        rank_of(path, other, settings.get("rank"))
        words = _WORDS.search(path)
        left, right = (Factor(one), Factor(other)) if words else (Factor(other, True), Factor(one, True))
        changes[f"{path}.weight"] = Change(left=left, right=right, scale=scale, magnitudes=own.get("m"))
    return changes


def _scale(settings: Mapping[str, Any]) -> float:
    if "alpha" in settings and "scale" not in settings:  # of other libraries, which divide it by the rank
        alpha = settings["alpha"]
        raise Misfit(
            code="adapter_misfit", told=f"its config has an alpha, {alpha!r:.40}, and no scale, which mlx-lm goes by"
        )
    scale = settings.get("scale", _SCALE)
    if not isinstance(scale, int | float) or isinstance(scale, bool):
        raise Misfit(code="adapter_misfit", told=f"its config has no number for the scale: {scale!r:.40}")
    return float(scale)
