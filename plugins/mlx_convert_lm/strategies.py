"""Which quantization each layer gets: uniform, mlx-lm's mixed recipes, or a map of patterns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlx_convert_core.plugin import (
    Finding,
    InvalidRequest,
    LayerInfo,
    LeaveOut,
    ModelInfo,
    OutputPlan,
    Quantization,
    QuantizeStrategy,
    SetOption,
)

# The recipes of mlx_lm.convert: (bits of most layers, bits of those that matter most).
MIXED = {"mixed_2_6": (2, 6), "mixed_3_4": (3, 4), "mixed_3_6": (3, 6), "mixed_4_6": (4, 6)}
MAP_PREFIX = "map:"
_VALUES = ("v_proj", "v_a_proj", "v_b_proj")
# A map with a head of more bits, a pattern, and layers that stay as they are.
_EXAMPLE = r"""map:{"lm_head": 8, "mlp\\.down_proj": 6, "embed": null}"""


def strategy_named(name: str, quantization: Quantization) -> QuantizeStrategy | None:
    """The strategy called ``name``, over ``quantization``; None when it is none of ours.

    ``map:{"pattern": bits, ...}`` is a map of regular expressions, searched in each layer's path in order;
    a value is a number of bits, ``{"bits": .., "group_size": .., "mode": ..}``, or null to keep the layer.
    """
    if name == "uniform":
        return lambda layer: quantization
    if name in MIXED:
        return _mixed(name, quantization)
    if name.startswith(MAP_PREFIX):
        return _mapped(name.removeprefix(MAP_PREFIX), quantization)
    return None


def _mixed(name: str, quantization: Quantization) -> QuantizeStrategy:
    """More bits for values, down projections of every third layer and the ends, and the head.

    The same choice as mlx_lm.convert's, which follows llama.cpp's Q4_K_M.
    """
    if quantization.mode != "affine":
        raise InvalidRequest(
            f"the strategy {name} works with mode affine only, not {quantization.mode}.",
            hint="Choose the mode affine.",
            remedies=(LeaveOut("mode"),),
            code="recipe",
        )
    low_bits, high_bits = MIXED[name]
    low = Quantization(bits=low_bits, group_size=quantization.group_size)
    high = Quantization(bits=high_bits, group_size=quantization.group_size)

    def choose(layer: LayerInfo) -> Quantization:
        important = _more_bits(_block(layer.path), layer.num_layers)
        if important and any(name in layer.path for name in (*_VALUES, "down_proj")):
            return high
        return high if "lm_head" in layer.path else low

    return choose


def unfit(model: ModelInfo, outputs: Iterable[OutputPlan]) -> Iterator[Finding]:
    """Warn of each mixed recipe that hardly finds a layer to give more bits to; mlx_lm.convert refuses those."""
    for output in outputs:
        if output.strategy not in MIXED or any("down_proj" in layer.path for layer in output.quantized):
            continue
        yield Finding(
            code="recipe",
            level="warning",
            message=f"the recipe {output.strategy} does not fit {model.model_type}, which has no down_proj layers:"
            f" nearly all of it gets {MIXED[output.strategy][0]} bits.",
            hint="Choose a preset with the same number of bits everywhere, or a map of your own.",
        )


def _more_bits(index: int, layers: int) -> bool:
    first = layers // 8
    return index < first or index >= 7 * layers // 8 or (index - first) % 3 == 2


def _block(path: str) -> int:
    return next((int(part) for part in path.split(".") if part.isdigit()), 0)


def _mapped(text: str, quantization: Quantization) -> QuantizeStrategy:
    rules = [(_pattern(key), _numbers(key, value, quantization)) for key, value in _parsed(text).items()]

    def choose(layer: LayerInfo) -> Quantization | None:
        for pattern, numbers in rules:
            if pattern.search(layer.path):
                return numbers
        return quantization

    return choose


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise _bad_map(f"it is not JSON ({error})") from None
    if not isinstance(parsed, dict) or not parsed:
        raise _bad_map("it is no object with at least one pattern")
    return parsed


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise _bad_map(f"'{text}' is no regular expression ({error})") from None


def _numbers(pattern: str, value: Any, default: Quantization) -> Quantization | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return Quantization.of(bits=value, group_size=default.group_size if default.mode == "affine" else None)
    if isinstance(value, dict) and value.keys() <= {"bits", "group_size", "mode"}:
        return Quantization.of(**value)
    raise _bad_map(f"the value for '{pattern}' must be bits, an object or null")


def _bad_map(problem: str) -> InvalidRequest:
    return InvalidRequest(
        f"the strategy map can't be used: {problem}.",
        hint="A map gives bits to patterns of layers' names.",
        remedies=(SetOption("strategy", _EXAMPLE),),
        code="strategy",
    )
