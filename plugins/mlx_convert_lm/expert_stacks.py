"""Stacks of experts that a model class takes packed only, handed to it plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GPT_OSS = (".experts.gate_up_proj", ".experts.down_proj")


def plain_stacks(config: Mapping[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """``arrays``, with the plain experts of gpt-oss as its class takes them.

    transformers saves these with the inputs first (experts, inputs, outputs); mlx-lm's class knows the packed
    ones of OpenAI's own repo, whose outputs come first, and splits gate and up there.
    """
    if config.get("model_type") != "gpt_oss":
        return arrays
    return {
        f"{name}.weight" if name.endswith(_GPT_OSS) else name: array.swapaxes(-1, -2)
        if name.endswith(_GPT_OSS)
        else array
        for name, array in arrays.items()
    }
