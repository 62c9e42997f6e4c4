"""Convert models to MLX, prove the result, keep it and share it: what a script needs.

What a plugin or a frontend needs besides is in `mlx_convert_core.plugin`; docs/api.md says what is promised.
"""

import warnings
from importlib import import_module
from typing import Any

from mlx_convert_core.answering.compare import ComparedAnswer, CompareResult, Comparison
from mlx_convert_core.answering.model_session import ModelSession
from mlx_convert_core.base.codec import to_json
from mlx_convert_core.errors import (
    Cancelled,
    ConversionFailed,
    EntryNotFound,
    GenerationFailed,
    InsufficientDisk,
    InvalidRequest,
    MlxConvertError,
    OutputExists,
    PluginError,
    PreflightFailed,
    SourceError,
    UnsupportedModel,
    UploadError,
)
from mlx_convert_core.model.events import (
    Event,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobState,
    Message,
    Progress,
    StepFinished,
    StepStarted,
    Token,
)
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.library import LibraryEntry
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.model.quantization import Preset, Quantization
from mlx_convert_core.model.recipes import Recipe, load_recipe
from mlx_convert_core.model.requests import (
    ChatMessage,
    ConvertedModel,
    ConvertRequest,
    ConvertResult,
    GenerateRequest,
    GenerateResult,
    UploadRequest,
    UploadResult,
)
from mlx_convert_core.running.jobs import Job
from mlx_convert_core.workspace import Workspace

__all__ = [
    "Cancelled",
    "ChatMessage",
    "CompareResult",
    "ComparedAnswer",
    "Comparison",
    "ConversionFailed",
    "ConvertPlan",
    "ConvertRequest",
    "ConvertResult",
    "ConvertedModel",
    "EntryNotFound",
    "Event",
    "Finding",
    "GenerateRequest",
    "GenerateResult",
    "GenerationFailed",
    "InsufficientDisk",
    "InvalidRequest",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobFinished",
    "JobState",
    "LibraryEntry",
    "Message",
    "MlxConvertError",
    "ModelInfo",
    "ModelSession",
    "OutputExists",
    "OutputPlan",
    "PluginError",
    "PreflightFailed",
    "Preset",
    "Progress",
    "Quantization",
    "Recipe",
    "SourceError",
    "StepFinished",
    "StepStarted",
    "Token",
    "UnsupportedModel",
    "UploadError",
    "UploadRequest",
    "UploadResult",
    "Workspace",
    "load_recipe",
    "to_json",
]


def __getattr__(name: str) -> Any:
    """Hand out what was here in 0.1, with a warning, for one minor release."""
    plugin = import_module("mlx_convert_core.plugin")
    if name not in plugin.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = f"{name} is imported from mlx_convert_core.plugin; mlx_convert_core itself drops it with 0.3"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return getattr(plugin, name)
