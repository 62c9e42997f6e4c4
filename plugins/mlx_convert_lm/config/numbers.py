"""Whether the layers of a model were given numbers: a class takes any word of a config, and breaks once it runs."""

from __future__ import annotations

import math
from typing import Any

from mlx_convert_core.plugin import CorruptCheckpoint

# Attributes of layers that MLX computes with, and what config.json calls them.
_NUMBERS = {
    "base": ("rope_theta", "the base of rotary positions"),
    "eps": ("an epsilon of its norms", "what norms divide by at least"),
}
_FREQUENCIES = "_freqs"  # with these, a base is not looked at


def check_numbers(model: Any, name: str) -> None:
    """Raise CorruptCheckpoint (``bad_config``) where a layer of the model ``name`` has no number to compute with."""
    for _, module in model.named_modules():
        for attribute, (setting, meaning) in _NUMBERS.items():
            value = getattr(module, attribute, None)
            given = isinstance(value, str | float | int) or attribute in vars(module)
            if given and not _usable(value) and getattr(module, _FREQUENCIES, None) is None:
                raise CorruptCheckpoint(
                    f"config.json of {name} has {setting} {value!r:.60}, where a number is expected: it is {meaning}.",
                    hint="Compare config.json with the one on the model's page, or download it again.",
                    code="bad_config",
                )


def _usable(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 0
