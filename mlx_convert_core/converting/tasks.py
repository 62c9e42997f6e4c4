"""What a worker can be asked to do: each task's name, the type of its payload and its function."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.base.file_names import CONFIG
from mlx_convert_core.base.mac import mac_trouble
from mlx_convert_core.base.regular_files import regular_files
from mlx_convert_core.converting.memory_guard import CONTEXT, check_memory
from mlx_convert_core.converting.pipeline import convert, plan_exactly
from mlx_convert_core.converting.trial import TrialRequest, try_model
from mlx_convert_core.converting.uploads import upload
from mlx_convert_core.errors import GenerationFailed, UnsupportedModel
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.model.requests import GenerateRequest, GenerateResult, GenerationExtras, UploadRequest
from mlx_convert_core.plugins.interfaces import ModelRunner
from mlx_convert_core.remedies import RunCommand
from mlx_convert_core.running.context import JobContext, Tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """Load the converted model in the folder ``path`` and keep it as ``session``; its own code runs only if trusted.

    It is to hold ``context`` tokens; `check_memory` says what ``anyway`` means.
    """

    session: str
    path: Path
    trust_remote_code: bool = False
    context: int = CONTEXT
    anyway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """Answer ``request`` with the model kept as ``session``."""

    session: str
    request: GenerateRequest


def load(asked: LoadRequest, context: JobContext) -> None:
    """Load a model and keep it for as long as the session's runner lives.

    Raises CorruptCheckpoint for a file that is none: whoever reads the folder would follow it, or wait for ever.
    """
    trouble = mac_trouble()
    if trouble is not None:
        raise GenerationFailed(trouble.message, hint=trouble.hint, code=trouble.code)
    regular_files(asked.path, below=True)
    config = read_config(asked.path / CONFIG)
    runner: ModelRunner | None = context.hooks.first(
        "model_runner", path=asked.path, config=config, trust_remote_code=asked.trust_remote_code
    )
    if runner is None:
        raise UnsupportedModel(
            f"no plugin can run {model_name(asked.path)} (model type '{config.get('model_type')}').",
            hint="Look at the plugins that were loaded.",
            remedies=(RunCommand("plugins list"),),
            code="arch",
        )
    with context.step("load"):
        check_memory(runner, asked.path, context, tokens=asked.context, anyway=asked.anyway)
        runner.load(context)
    context.kept[asked.session] = runner


def generate(asked: SessionRequest, context: JobContext) -> GenerateResult:
    """Answer once with a loaded model, with what on_generate hooks add."""
    runner: ModelRunner | None = context.kept.get(asked.session)
    if runner is None:
        raise GenerationFailed("the model is not loaded.", hint="Open it again.")
    extras = context.hooks.answers("on_generate", GenerationExtras, request=asked.request)
    with context.step("generate"):
        return runner.generate(asked.request, extras, context)


TASKS: Tasks = {
    "plan": (ConvertPlan, plan_exactly),
    "convert": (ConvertPlan, convert),
    "try": (TrialRequest, try_model),
    "load": (LoadRequest, load),
    "generate": (SessionRequest, generate),
    "upload": (UploadRequest, upload),
}
