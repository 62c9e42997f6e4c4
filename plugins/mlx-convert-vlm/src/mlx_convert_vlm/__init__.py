"""Plugin: convert and run models that see or hear, by mlx-vlm's model classes.

A wheel of its own, since mlx-vlm brings OpenCV, datasets and sound packages along. `mlx_convert_engine` does the
converting; only functions of `adapter.py` import mlx_vlm, and they run in a worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import hookimpl

if TYPE_CHECKING:  # every command imports this module: what a hook needs is imported when it is called
    from mlx_convert_core.plugin import ConvertRequest, ModelConverter, ModelInfo, ModelRunner, Sense


@hookimpl
def model_converter(model: ModelInfo, request: ConvertRequest) -> ModelConverter | None:
    """Take what sees or hears, unless its text model alone was asked for, and what only mlx-vlm has a class for."""
    from mlx_convert_vlm.architectures import takes

    if request.text_only or not takes(model.config, [tensor.name for tensor in model.tensors]):
        return None
    from mlx_convert_vlm.converter import VlmConverter

    return VlmConverter(trust_remote_code=request.trust_remote_code, allow_overflow=request.allow_overflow)


@hookimpl
def model_runner(path: Path, config: Mapping[str, Any], trust_remote_code: bool) -> ModelRunner | None:
    """Run what `model_converter` converts."""
    from mlx_convert_vlm.architectures import takes

    if not takes(config):
        return None
    from mlx_convert_vlm.runner import VlmRunner

    return VlmRunner(path, trust_remote_code=trust_remote_code)


@hookimpl
def model_senses(path: Path, config: Mapping[str, Any]) -> frozenset[Sense] | None:
    """Say what they take besides text."""
    from mlx_convert_vlm.architectures import senses_of, takes

    return senses_of(config) if takes(config) else None
