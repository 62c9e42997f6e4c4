"""What this machine has room for beside the weights: the cache of a conversation, as the model's own class keeps it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import (
    Finding,
    Fit,
    HereStrategy,
    ModelInfo,
    OutputPlan,
    cache_estimate,
    memory_now,
    units,
)
from mlx_convert_engine.memory import device_memory
from mlx_convert_engine.model_classes import ModelClasses

RoomFor = Callable[[OutputPlan, HereStrategy], Fit]
"""What the machine lends an output, and what its cache takes of that at the strategy's context; weights are 0."""


def room_for(classes: ModelClasses, folder: Path, model: ModelInfo) -> RoomFor:
    """Asks the classes about the checkpoint of ``model`` in ``folder``, and config.json where they can't tell."""

    def room(output: OutputPlan, strategy: HereStrategy) -> Fit:
        lazy = classes.load(folder, model)
        _cast(lazy.model, output.dtype or lazy.dtype)
        measured = classes.cache_bytes(lazy.model, strategy.context)
        lent, free = memory_now()
        return Fit(
            weights=0,
            cache=measured or cache_estimate(model.config, strategy.context),
            context=strategy.context,
            lent=device_memory() or lent,
            free=free,
            measured=bool(measured),
        )

    return room


def told(label: str, here: Fit) -> Finding:
    """What the size of an output comes from."""
    return Finding(
        code="fits_here",
        level="info",
        message=f"{label}: this machine lends {units.size(here.lent)}, of which {units.size(here.cache)} are for a"
        f" context of {here.context:,} tokens and {units.size(here.needed - here.cache)} for what runs beside: that"
        f" leaves {units.size(here.room)} for weights.",
    )


def _cast(model: Any, dtype: str | None) -> None:
    """Have ``model`` keep its cache in the type that the output computes in; nothing is read for that."""
    import mlx.core as mx

    if dtype is not None:
        model.set_dtype(getattr(mx, dtype))
