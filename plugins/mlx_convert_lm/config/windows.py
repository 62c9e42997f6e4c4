"""Whether a model looks back as far as its config says: some classes of mlx-lm look at the whole text instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_convert_core.plugin import Finding
from mlx_convert_lm.config.differences import Differences
from mlx_convert_lm.config.rope import levels

# Where a window is that of all layers, or of every other one, without a word about layers (transformers' classes).
_ALL_LAYERS = ("gemma2", "ministral3", "mistral", "mixtral", "phi3", "phimoe", "starcoder2")
_SIZES = {"sliding_attention": "sliding_window", "chunked_attention": "attention_chunk_size"}


def check_window(model: Any, config: Mapping[str, Any], differences: Differences) -> tuple[Finding, ...]:
    """A finding when layers of ``model`` look at more than ``config`` says: texts that fit into the
    window come out right."""
    window = stated_window(config)
    if not window or _has_windows(model):
        return ()
    told = (
        f"mlx-lm's class for {differences.name} looks at the whole text, where config.json has layers look back at"
        f" {window:,} tokens"
    )
    hint = "Shorter texts come out right. Answers to longer ones may differ from the original's."
    return (differences.warn("window_differs", told, hint),)


def stated_window(config: Mapping[str, Any]) -> int:
    """How many tokens some layers look back at, 0 when all see the longest text that a config allows."""
    found = 0
    for level in levels(dict(config)):
        window = min((size for size in _windows(level)), default=0)
        found = window if window and window < _longest(level, window) else found
    return found


def _windows(level: Mapping[str, Any]) -> list[int]:
    kinds = level.get("layer_types")
    if isinstance(kinds, list):
        names = [size for kind, size in _SIZES.items() if kind in kinds]
    else:
        names = ["sliding_window"] if level.get("model_type") in _ALL_LAYERS else []
    return [value for name in names if type(value := level.get(name)) is int and value > 0]


def _longest(level: Mapping[str, Any], window: int) -> int:
    found = level.get("max_position_embeddings")
    return found if isinstance(found, int) else window + 1


def _has_windows(model: Any) -> bool:
    """Whether a class forgets what is behind a window: it then has a cache of that size for those layers."""
    make = getattr(model, "make_cache", None)
    return any(
        hasattr(part, "max_size") or hasattr(part, "chunk_size")
        for cache in (make() if make else ())
        for part in _parts(cache)
    )


def _parts(cache: Any) -> list[Any]:
    """A layer's cache, or those in it."""
    inner = getattr(cache, "caches", None)
    return [cache, *inner] if isinstance(inner, list | tuple) else [cache]
