"""A source that MLX has quantized: what it may become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlx_convert_engine.unpacking.before import as_it_is

from mlx_convert_core.plugin import (
    ConvertPlan,
    DecodedModel,
    Finding,
    MlxConvertError,
    OutputPlan,
    Quantization,
    SetOption,
    packed_tensors,
)
from mlx_convert_lm.odd_types import original


def by_mlx(config: Mapping[str, Any]) -> bool:
    """Whether config.json says that MLX has quantized the model."""
    return isinstance(config.get("quantization"), Mapping)


def examine_quantized(plan: ConvertPlan, source: DecodedModel) -> Iterator[Finding]:
    """An error for layers whose numbers nobody can tell, and for a conversion that would change nothing."""
    model = source.model
    unread = packed_tensors(model.tensors)
    if unread:
        yield Finding(
            code="already_mlx",
            level="error",
            message=f"{model.name} is an MLX model that is quantized already, and config.json does not tell how"
            f" {unread[0].name} is.",
            hint="It answers as it is, if MLX can read it. For other numbers convert the original model.",
            remedies=(*as_it_is(model), *original(model)),
        )
    elif all(_as_it_is(output, model.config["quantization"]) for output in plan.outputs):
        yield Finding(
            code="already_mlx",
            level="error",
            message=f"{model.name} is an MLX model that is quantized so already ({plan.outputs[0].quantization}): it"
            " answers as it is.",
            hint="Choose fewer bits or another number format, or have plain numbers made of it.",
            remedies=(*as_it_is(model), SetOption("preset", "bf16"), *original(model)),
        )


def _as_it_is(output: OutputPlan, said: Mapping[str, Any]) -> bool:
    """Whether an output would have the numbers that ``said`` gives every layer of the source."""
    if output.strategy is not None or any(isinstance(entry, Mapping) for entry in said.values()):
        return False
    try:
        numbers = Quantization.of(**{name: said.get(name) for name in ("bits", "group_size")}, mode=_mode(said))
    except (MlxConvertError, TypeError):
        return False
    return output.quantization == numbers


def _mode(said: Mapping[str, Any]) -> Any:
    return said.get("mode") or "affine"
