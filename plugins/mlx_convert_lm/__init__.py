"""Built-in plugin: convert and run models with mlx-lm; presets, strategies and the architectures command.

The only package that imports mlx_lm, transformers and tokenizers, and only inside functions of `adapter.py`,
`importing.py`, `runner.py` and `tokenizers/`, which run in a worker. `mlx_convert_engine` does the converting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import hookimpl

if TYPE_CHECKING:  # every command imports this module: what a hook needs is imported when it is called
    from mlx_convert_core.plugin import (
        Command,
        ConvertPlan,
        ConvertRequest,
        Finding,
        MeasuredStrategy,
        ModelCheck,
        ModelConverter,
        ModelInfo,
        ModelRunner,
        Preset,
        Quantization,
        QuantizeMethod,
        QuantizeStrategy,
        TensorDecoder,
    )


@hookimpl(trylast=True)
def model_converter(model: ModelInfo, request: ConvertRequest) -> ModelConverter | None:
    """Take every checkpoint; what mlx-lm can't do becomes a finding that says why."""
    from mlx_convert_lm.converter import LmConverter
    from mlx_convert_lm.tools.converter import ToolConverter
    from mlx_convert_lm.tools.names import wants_tools

    converter = ToolConverter if wants_tools(request) else LmConverter
    return converter(trust_remote_code=request.trust_remote_code, allow_overflow=request.allow_overflow)


@hookimpl(trylast=True)
def model_runner(path: Path, config: Mapping[str, Any], trust_remote_code: bool) -> ModelRunner | None:
    """Run what mlx-lm has a model class for, or what brings its own."""
    from mlx_convert_lm.architectures import supported
    from mlx_convert_lm.runner import LmRunner

    return LmRunner(path, trust_remote_code=trust_remote_code) if supported(config) else None


@hookimpl(trylast=True)
def quantize_strategy(
    name: str, model: ModelInfo, quantization: Quantization
) -> QuantizeStrategy | MeasuredStrategy | None:
    """Offer uniform, mlx-lm's mixed recipes, maps of layer patterns, budgets of bits or bytes, and of divergence."""
    from mlx_convert_lm.budget import budget_named
    from mlx_convert_lm.divergence import divergence_named
    from mlx_convert_lm.here import here_named
    from mlx_convert_lm.strategies import strategy_named
    from mlx_convert_lm.tools.names import dynamic_named

    return (
        here_named(name, model, quantization)
        or budget_named(name, quantization)
        or divergence_named(name, quantization)
        or dynamic_named(name, quantization)
        or strategy_named(name, quantization)
    )


@hookimpl(trylast=True)
def quantize_method(name: str, model: ModelInfo) -> QuantizeMethod | None:
    """Offer the engine's ways of rounding, and mlx-lm's own tools."""
    from mlx_convert_engine.tuning.methods import method_named

    from mlx_convert_lm.tools.names import method_named as tool_named

    return method_named(name) or tool_named(name)


@hookimpl(trylast=True)
def tensor_decoder(model: ModelInfo, request: ConvertRequest) -> Iterable[TensorDecoder]:
    """Offer the engine's decoders; what MLX can hold packed as it is, is read as plain numbers only on request."""
    from mlx_convert_engine.adapters.decoder import AdapterDecoder
    from mlx_convert_engine.decoders import own_decoders

    from mlx_convert_lm.packers import held_packed

    plain = request.dequantize or bool(model.adapters)
    own = own_decoders(unpack=plain or not held_packed(model), carry=not plain, dtype=request.dtype)
    return (*own, AdapterDecoder(model.adapters)) if model.adapters else own


@hookimpl(trylast=True)
def examine_files(plan: ConvertPlan, folder: Path) -> Iterable[Finding]:
    """Try tokenizer and chat template before a weight is read."""
    from mlx_convert_lm.tokenizers.source_check import try_tokenizer

    return try_tokenizer(plan, folder)


@hookimpl(trylast=True)
def post_convert(plan: ConvertPlan, staging: Path) -> None:
    """Write the tokenizer's files so that every reader takes them."""
    from mlx_convert_lm.tokenizers.finishing import finish_tokenizer

    finish_tokenizer(staging, own_code=plan.request.trust_remote_code)


@hookimpl
def register_presets() -> Iterable[Preset]:
    """Offer the built-in presets."""
    from mlx_convert_lm.presets import PRESETS

    return PRESETS


@hookimpl
def register_checks() -> Iterable[ModelCheck]:
    """Have every converted model answer a question, and its tokenizer read texts."""
    from mlx_convert_lm.checks import CHECKS

    return CHECKS


@hookimpl
def register_commands() -> Iterable[Command]:
    """Add `mlx-convert architectures`."""
    from mlx_convert_core.plugin import Command

    yield Command(name="architectures", summary="List the model types that can be converted", load=_architectures)


def _architectures() -> Any:
    from mlx_convert_lm.commands import architectures

    return architectures
