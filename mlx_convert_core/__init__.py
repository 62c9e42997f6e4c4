"""Convert models to MLX, prove the result, keep it and share it: what a script needs.

What a plugin or a frontend needs besides is in `mlx_convert_core.plugin`; docs/api.md says what is promised.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlx_convert_core.base.on_demand import on_demand

# What type checkers and editors see (`Name as Name`: handed out); `_PLACES` says the same to a running program.
# ruff: noqa: I001
if TYPE_CHECKING:
    from mlx_convert_core.answering.compare import (
        ComparedAnswer as ComparedAnswer,
        CompareResult as CompareResult,
        Comparison as Comparison,
    )
    from mlx_convert_core.answering.model_session import ModelSession as ModelSession
    from mlx_convert_core.base.codec import to_json as to_json
    from mlx_convert_core.errors import (
        Cancelled as Cancelled,
        ConversionFailed as ConversionFailed,
        EntryNotFound as EntryNotFound,
        GenerationFailed as GenerationFailed,
        InsufficientDisk as InsufficientDisk,
        InvalidRequest as InvalidRequest,
        MeasuringFailed as MeasuringFailed,
        MlxConvertError as MlxConvertError,
        OutputExists as OutputExists,
        PluginError as PluginError,
        PreflightFailed as PreflightFailed,
        SourceError as SourceError,
        UnsupportedModel as UnsupportedModel,
        UploadError as UploadError,
    )
    from mlx_convert_core.model.chat_message import ChatMessage as ChatMessage
    from mlx_convert_core.model.events import (
        Event as Event,
        JobCancelled as JobCancelled,
        JobFailed as JobFailed,
        JobFinished as JobFinished,
        JobState as JobState,
        Message as Message,
        Progress as Progress,
        StepFinished as StepFinished,
        StepStarted as StepStarted,
        Token as Token,
    )
    from mlx_convert_core.model.findings import Finding as Finding
    from mlx_convert_core.model.inspection import ModelInfo as ModelInfo
    from mlx_convert_core.model.library import LibraryEntry as LibraryEntry
    from mlx_convert_core.model.library_query import LibraryQuery as LibraryQuery
    from mlx_convert_core.measuring.agreement import AgreementResult as AgreementResult
    from mlx_convert_core.model.measurements import (
        BenchRequest as BenchRequest,
        BenchResult as BenchResult,
        MeasuredFigure as MeasuredFigure,
        MeasureRequest as MeasureRequest,
        MeasureResult as MeasureResult,
    )
    from mlx_convert_core.model.plan import ConvertPlan as ConvertPlan, OutputPlan as OutputPlan
    from mlx_convert_core.model.quantization import Preset as Preset, Quantization as Quantization
    from mlx_convert_core.model.recipes import Recipe as Recipe, load_recipe as load_recipe
    from mlx_convert_core.model.requests import (
        ConvertRequest as ConvertRequest,
        GenerateRequest as GenerateRequest,
        UploadRequest as UploadRequest,
    )
    from mlx_convert_core.model.results import (
        ConvertResult as ConvertResult,
        ConvertedModel as ConvertedModel,
        GenerateResult as GenerateResult,
        UploadResult as UploadResult,
    )
    from mlx_convert_core.running.jobs import Job as Job
    from mlx_convert_core.workspace import Workspace as Workspace

_PLACES = {
    "mlx_convert_core.answering.compare": "ComparedAnswer CompareResult Comparison",
    "mlx_convert_core.answering.model_session": "ModelSession",
    "mlx_convert_core.base.codec": "to_json",
    "mlx_convert_core.errors": (
        "Cancelled ConversionFailed EntryNotFound GenerationFailed InsufficientDisk InvalidRequest "
        "MeasuringFailed MlxConvertError OutputExists PluginError PreflightFailed SourceError UnsupportedModel "
        "UploadError"
    ),
    "mlx_convert_core.model.chat_message": "ChatMessage",
    "mlx_convert_core.model.events": (
        "Event JobCancelled JobFailed JobFinished JobState Message Progress StepFinished StepStarted Token"
    ),
    "mlx_convert_core.model.findings": "Finding",
    "mlx_convert_core.model.inspection": "ModelInfo",
    "mlx_convert_core.model.library": "LibraryEntry",
    "mlx_convert_core.model.library_query": "LibraryQuery",
    "mlx_convert_core.measuring.agreement": "AgreementResult",
    "mlx_convert_core.model.measurements": "BenchRequest BenchResult MeasuredFigure MeasureRequest MeasureResult",
    "mlx_convert_core.model.plan": "ConvertPlan OutputPlan",
    "mlx_convert_core.model.quantization": "Preset Quantization",
    "mlx_convert_core.model.recipes": "Recipe load_recipe",
    "mlx_convert_core.model.requests": "ConvertRequest GenerateRequest UploadRequest",
    "mlx_convert_core.model.results": "ConvertResult ConvertedModel GenerateResult UploadResult",
    "mlx_convert_core.running.jobs": "Job",
    "mlx_convert_core.workspace": "Workspace",
}

__all__, _own = on_demand(__name__, _PLACES)


def __getattr__(name: str) -> Any:
    """Hand out what is here, and what was in 0.1, with a warning, for one minor release."""
    if name in __all__:
        return _own(name)
    plugin = import_module("mlx_convert_core.plugin")
    if name not in plugin.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = f"{name} is imported from mlx_convert_core.plugin; mlx_convert_core itself drops it with 0.3"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return getattr(plugin, name)
