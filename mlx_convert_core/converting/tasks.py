"""What a worker can be asked to do besides converting: each task's name, the type of its payload and its function."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.base.mac import mac_trouble
from mlx_convert_core.converting.getting import fetch
from mlx_convert_core.converting.memory_guard import check_memory
from mlx_convert_core.converting.model_runners import runner_of
from mlx_convert_core.converting.model_senses import senses_of_model, told
from mlx_convert_core.converting.pipeline import plan_exactly
from mlx_convert_core.converting.smoke_check import TrialRequest, try_model
from mlx_convert_core.converting.uploads import upload
from mlx_convert_core.errors import GenerationFailed
from mlx_convert_core.model.fit import CONTEXT
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.model.requests import GenerateRequest, GenerationExtras, UploadRequest
from mlx_convert_core.model.results import GenerateResult
from mlx_convert_core.plugins.interfaces import ModelRunner, SensingRunner
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


@dataclass(frozen=True, slots=True)
class _Opened:
    """A loaded model, kept for a session."""

    path: Path
    runner: ModelRunner

    def close(self) -> None:
        """Let go of it."""
        self.runner.close()


def load(asked: LoadRequest, context: JobContext) -> None:
    """Load a model and keep it for as long as the session's runner lives.

    Raises CorruptCheckpoint for a file that is none: whoever reads the folder would follow it, or wait for ever.
    """
    trouble = mac_trouble()
    if trouble is not None:
        raise GenerationFailed(trouble.message, hint=trouble.hint, code=trouble.code)
    _, runner = runner_of(asked.path, context, trusted=asked.trust_remote_code)
    with context.step("load"):
        check_memory(runner, asked.path, context, tokens=asked.context, anyway=asked.anyway)
        runner.load(context)
    context.kept[asked.session] = _Opened(path=asked.path, runner=runner)


def generate(asked: SessionRequest, context: JobContext) -> GenerateResult:
    """Answer once with a loaded model, with what on_generate hooks add."""
    opened: _Opened | None = context.kept.get(asked.session)
    if opened is None:
        raise GenerationFailed("the model is not loaded.", hint="Open it again.")
    _check_senses(opened, asked.request, context)
    extras = context.hooks.answers("on_generate", GenerationExtras, request=asked.request)
    with context.step("generate"):
        return opened.runner.generate(asked.request, extras, context)


def _check_senses(opened: _Opened, request: GenerateRequest, context: JobContext) -> None:
    """Raise GenerationFailed (``blind``) when ``request`` shows or plays what the model can't take."""
    runner = opened.runner
    lacking = request.senses - (runner.senses if isinstance(runner, SensingRunner) else frozenset())
    if not lacking:
        return
    model = senses_of_model(opened.path, context.hooks)
    raise GenerationFailed(
        f"{model.name} takes no {told(lacking)} here.",
        hint=f"{model.why} Ask without that, or open a model that sees or hears.".lstrip(),
        remedies=model.remedies,
        code="blind",
    )


TASKS: Tasks = {
    "plan": (ConvertPlan, plan_exactly),
    "try": (TrialRequest, try_model),
    "load": (LoadRequest, load),
    "generate": (SessionRequest, generate),
    "upload": (UploadRequest, upload),
    "fetch": (ModelInfo, fetch),
}
