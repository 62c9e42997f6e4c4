"""Everything that a worker can be asked to do: converting, what answering needs, and measuring."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core.converting import tasks
from mlx_convert_core.converting.pipeline import convert as convert_judged
from mlx_convert_core.measuring.reading import MeasureTask
from mlx_convert_core.measuring.scoring import measure
from mlx_convert_core.model.inspection import inspect_folder
from mlx_convert_core.model.measurements import MeasureRequest, MeasureResult
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.model.results import ConvertResult
from mlx_convert_core.running.context import JobContext, Tasks

TOKENS = MeasureRequest().tokens  # that a promise is measured with: as many as `measure` takes


def convert(plan: ConvertPlan, context: JobContext) -> ConvertResult:
    """Convert; what has promised to be close to its source is measured as `measure` does."""
    return convert_judged(plan, context, _judged)


def _judged(made: Path, source: Path, plan: ConvertPlan, context: JobContext) -> MeasureResult:
    request = MeasureRequest(tokens=TOKENS, trust_remote_code=plan.request.trust_remote_code)
    return measure(MeasureTask(path=made, request=request, source=inspect_folder(source)), context)


TASKS: Tasks = {**tasks.TASKS, "convert": (ConvertPlan, convert), "measure": (MeasureTask, measure)}
