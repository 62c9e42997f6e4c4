"""Layers that mlx-lm puts in place of those of the class, because the config names a method: ternary ones (bitnet).

It does so for a model that is not quantized otherwise, and looks for its own quantized layers or for these, never for
both. A class that builds such layers itself needs no word of the config.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_convert_core.plugin import SetOption, UnsupportedModel


def layers_of(model: Any) -> dict[str, type[Any]]:
    """The layers of a model by their paths, each with its class."""
    return {path: type(layer) for path, layer in model.named_modules()}


def only_as_stored(model: Any, built: Mapping[str, type[Any]], name: str) -> UnsupportedModel | None:
    """Why no layer of the ``model`` called ``name`` can be quantized, None when they can.

    ``built`` are the layers that its class had built before its weights were loaded.
    """
    put_in = [
        path
        for path, layer in model.named_modules()
        if built.get(path, type(layer)) is not type(layer) and not hasattr(layer, "bits")
    ]
    if not put_in:
        return None
    return UnsupportedModel(
        f"{name} has ternary layers (bitnet), {put_in[-1]} for one; quantized any further it would not load again.",
        hint="Convert it without quantization. The ternary layers stay as small as they are.",
        remedies=(SetOption("preset", "bf16"),),
        code="source_bitnet",
    )
