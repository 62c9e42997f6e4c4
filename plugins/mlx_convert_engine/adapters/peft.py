"""Adapters of peft: what each of their tensors changes. Source of the format: peft 0.21, tuners/lora."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import sqrt
from typing import Any

from mlx_convert_core.plugin import Adapter, TensorInfo
from mlx_convert_engine.adapters.changes import Change, Factor, Misfit, matches, rank_of

_PREFIX = re.compile(r"^base_model\.(?:model\.)?")
_PART = re.compile(
    r"^(?P<path>.+?)\.(?P<part>lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector"
    r"|token_adapter\.trainable_tokens_delta)(?:\.default)?(?P<leaf>\.weight|\.bias)?$"
)
_SAVED = re.compile(r"\.(?:modules_to_save(?:\.default)?|base_layer)(?=\.)")
# Ways to begin that take something out of the model first: added to the model itself, it would be there twice.
_OTHER_BEGIN = ("pissa", "olora", "loftq", "corda", "lora_ga")
# What makes more of an adapter than a change of weights, or another one.
_OTHER_WAYS = (
    "alora_invocation_tokens", "use_qalora", "use_bdlora", "layer_replication", "arrow_config", "velora_config",
    "monteclora_config", "kasa_config", "target_parameters",
)  # fmt: skip


def changes_of(adapter: Adapter) -> dict[str, Change]:
    """What an adapter of peft changes, by the names of the tensors in its own words. Raises Misfit."""
    config = adapter.config
    _check_kind(config)
    parts: dict[str, dict[str, TensorInfo]] = {}
    changes: dict[str, Change] = {}
    for tensor in adapter.tensors:
        name = _PREFIX.sub("", tensor.name)
        found = _PART.match(name)
        if found is None:
            changes[_SAVED.sub("", name)] = Change(new=tensor)
        else:
            leaf = found["leaf"] if found["leaf"] == ".bias" else ""
            parts.setdefault(found["path"], {})[found["part"] + leaf] = tensor
    for path, own in parts.items():
        for leaf, change in _of_layer(path, own, config):
            name = f"{path}.{leaf}"
            changes[name] = replace(change, new=changes[name].new) if name in changes else change
    return changes


def _of_layer(path: str, parts: Mapping[str, TensorInfo], config: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    words = parts.get("token_adapter.trainable_tokens_delta")
    if words is not None:
        yield "weight", Change(words=words, at=_indices(path, config))
        return
    magnitudes = parts.get("lora_magnitude_vector")
    turned = bool(config.get("fan_in_fan_out"))
    if "lora_embedding_A" in parts and "lora_embedding_B" in parts:
        one, other = parts["lora_embedding_A"], parts["lora_embedding_B"]
        scale = _scale(path, one, config)
        left, right = Factor(one, True), Factor(other, True)
        yield "weight", Change(left=left, right=right, scale=scale, magnitudes=magnitudes, along="columns")
        return
    if "lora_A" not in parts or "lora_B" not in parts:
        raise Misfit(code="adapter_misfit", told=f"{path} has only a part of an adapter: {', '.join(sorted(parts))}")
    one, other = parts["lora_A"], parts["lora_B"]
    scale = _scale(path, one, config)
    left, right = (Factor(one, True), Factor(other, True)) if turned else (Factor(other), Factor(one))
    along = "columns" if turned else "rows"
    yield "weight", Change(left=left, right=right, scale=scale, magnitudes=magnitudes, along=along)  # type: ignore[arg-type]
    if "lora_B.bias" in parts:
        raise Misfit(code="adapter_kind", told=f"{path} has a bias of its own in the adapter (lora_bias)")


def _scale(path: str, factor: TensorInfo, config: Mapping[str, Any]) -> float:
    """What the product of a layer's factors counts, by its rank, with which ``factor`` begins."""
    alpha = _by_pattern("alpha_pattern", path, config, config.get("lora_alpha", 8))
    rank = rank_of(path, factor, _said_rank(path, config))
    if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not rank:
        raise Misfit(code="adapter_misfit", told=f"{path} has no scale: rank {rank}, alpha {alpha!r:.40}")
    return float(alpha / (sqrt(rank) if config.get("use_rslora") else rank))


def _said_rank(path: str, config: Mapping[str, Any]) -> Any:
    """The rank that the config says, None where it says none, or with a pattern that is not tried here."""
    try:
        return _by_pattern("rank_pattern", path, config, config.get("r"))
    except Misfit:  # no reason to refuse it: the factors tell their rank themselves
        return None


def _by_pattern(name: str, path: str, config: Mapping[str, Any], otherwise: Any) -> Any:
    """What the patterns ``name`` of the config say of the layer ``path``: the first one that means it."""
    patterns = config.get(name) or {}
    if not isinstance(patterns, dict):
        raise Misfit(code="adapter_misfit", told=f"its config has no {name} that can be read: {patterns!r:.40}")
    return next((value for pattern, value in patterns.items() if matches(str(pattern), path)), otherwise)


def _indices(path: str, config: Mapping[str, Any]) -> tuple[int, ...]:
    """The words that were trained alone: of this layer, or of the embeddings where the config names no layer."""
    found = config.get("trainable_token_indices") or config.get("token_indices")
    if isinstance(found, dict):
        found = next((value for name, value in found.items() if path == name or path.endswith(f".{name}")), None)
    if not isinstance(found, list) or not all(type(one) is int for one in found):
        raise Misfit(code="adapter_misfit", told=f"{path} has trained words, and its config does not tell which")
    return tuple(found)


def _check_kind(config: Mapping[str, Any]) -> None:
    kind = config.get("peft_type")
    if kind not in ("LORA", "TRAINABLE_TOKENS"):
        raise Misfit(
            code="adapter_kind", told=f"it is of the kind {kind!r:.40}, which is no change of weights known here"
        )
    begin = config.get("init_lora_weights")
    if isinstance(begin, str) and begin.lower().startswith(_OTHER_BEGIN):
        raise Misfit(
            code="adapter_kind", told=f"it began as {begin[:40]}, which takes a part out of the model's own weights"
        )
    other = next((name for name in _OTHER_WAYS if config.get(name)), "")
    if other:
        raise Misfit(code="adapter_kind", told=f"it uses {other}, which weights alone can't hold")
