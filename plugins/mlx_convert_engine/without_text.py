"""Tokens where there is no text: random ones, or what a model says by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlx_convert_core.plugin import Calibration, InvalidRequest, Reporter, SetOption
from mlx_convert_engine.model_classes import LazyModel, ModelClasses, widened_on_cpu
from mlx_convert_engine.texts import LENGTH, random_tokens, unfit

Load = Callable[[], LazyModel]


def random_ones(load: Load, tokens: int, seed: int) -> list[list[int]]:
    """Random ids that the model of ``load`` has numbers for."""
    return random_tokens(_vocabulary(load().model), tokens, seed, LENGTH)


def _vocabulary(model: Any) -> int:
    from mlx_convert_engine.forward.outside import embedding_rows

    rows = embedding_rows(model)
    if not rows:
        raise _speechless("the model's class does not show how many words it knows.")
    return rows


def memory_of_samples(classes: ModelClasses, load: Load) -> int:
    """Bytes of the whole model and of the cache of what it says."""
    from mlx.utils import tree_flatten

    from mlx_convert_engine.texts.samples import AT_ONCE

    model = load().model
    widened_on_cpu(model)
    weights = sum(array.nbytes for _, array in tree_flatten(model.parameters()))
    return int(weights + AT_ONCE * classes.cache_bytes(model, LENGTH))


def samples_of(classes: ModelClasses, load: Load, planned: Calibration, report: Reporter) -> list[list[int]]:
    """What the model itself says, the whole of it in memory for that."""

    from mlx_convert_engine.texts.samples import sampled_tokens

    lazy = load()
    widened_on_cpu(lazy.model)
    if classes.empty_cache(lazy.model) is None:
        raise _speechless(f"{classes.name} can't have this model speak for itself.")
    begin = lazy.config.get("bos_token_id")
    vocabulary = _vocabulary(lazy.model)
    return sampled_tokens(
        lazy.model,
        lambda: classes.empty_cache(lazy.model),
        planned.tokens,
        planned.seed,
        LENGTH,
        report,
        first=begin if type(begin) is int and 0 <= begin < vocabulary else None,
        vocabulary=vocabulary,
    )


def _speechless(message: str) -> InvalidRequest:
    return unfit(message, "Go by a text, or round to nearest.", SetOption("method", "nearest"))
