"""Hooks that are asked one after the other: the first answer counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugins.hookspecs.markers import hookspec

if TYPE_CHECKING:
    from mlx_convert_core.model.attachments import Sense
    from mlx_convert_core.model.inspection import ModelInfo
    from mlx_convert_core.model.quantization import Quantization, QuantizeStrategy
    from mlx_convert_core.model.requests import ConvertRequest
    from mlx_convert_core.plugins.interfaces import LibraryStore, ModelRunner
    from mlx_convert_core.plugins.model_converters import MeasuredStrategy, ModelConverter, QuantizeMethod
    from mlx_convert_core.plugins.model_sources import ModelSource


@hookspec(firstresult=True)
def model_source(ref: str, revision: str | None) -> ModelSource | None:
    """Say where the model named ``ref`` comes from; None means: not mine. Runs in parent and worker.

    Also asked while somebody types, so it looks at the ref and asks no network; that is for ``inspect``.

    Example::

        @hookimpl
        def model_source(ref, revision):
            if ref.startswith("s3://"):
                return BucketSource(ref)
    """


@hookspec(firstresult=True)
def model_converter(model: ModelInfo, request: ConvertRequest) -> ModelConverter | None:
    """Offer to convert ``model``; methods that change weights from data (AWQ, DWQ) are converters too.

    Example::

        @hookimpl
        def model_converter(model, request):
            if request.strategy == "awq":
                return AwqConverter()
    """


@hookspec(firstresult=True)
def model_runner(path: Path, config: Mapping[str, Any], trust_remote_code: bool) -> ModelRunner | None:
    """Offer to run the converted model in the folder ``path``. Runs in the worker.

    Python files of the model itself may be run only with ``trust_remote_code``: a person agreed to it.

    Example::

        @hookimpl
        def model_runner(path, config):
            if config.get("model_type") == "whisper":
                return WhisperRunner(path)
    """


@hookspec(firstresult=True)
def model_senses(path: Path, config: Mapping[str, Any]) -> Collection[Sense] | None:
    """What the converted model in ``path`` takes besides text: ``picture``, ``sound``. Runs in parent and worker.

    Whoever runs a model that sees or hears (`SensingRunner`) says so here before it is loaded.

    Example::

        @hookimpl
        def model_senses(path, config):
            return {"picture"} if config.get("model_type") == "toy" else None
    """


@hookspec(firstresult=True)
def quantize_strategy(
    name: str, model: ModelInfo, quantization: Quantization
) -> QuantizeStrategy | MeasuredStrategy | None:
    """The strategy called ``name``: a function asked once a layer, or a `MeasuredStrategy`. Runs in parent and worker.

    Example::

        @hookimpl
        def quantize_strategy(name, model, quantization):
            if name == "keep_head":
                return lambda layer: None if layer.path == "lm_head" else quantization
    """


@hookspec(firstresult=True)
def quantize_method(name: str, model: ModelInfo) -> QuantizeMethod | None:
    """The way of rounding called ``name``: how a layer's numbers get their bits. Runs in parent and worker.

    Example::

        @hookimpl
        def quantize_method(name, model):
            if name == "centred":
                return Centred()
    """


@hookspec(firstresult=True)
def library_store(home: Path) -> LibraryStore | None:
    """Where the list of converted models is kept. Runs in the parent.

    Example::

        @hookimpl
        def library_store(home):
            return SqliteLibrary(home / "library.db")
    """
