"""The parent's part of a conversion: source, plan, worker, and what is left when it is cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from mlx_convert_core.base import units
from mlx_convert_core.converting.places import leave_taken
from mlx_convert_core.converting.planning import Planner
from mlx_convert_core.converting.preflight import refuse
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.errors import Cancelled, WorkerDied
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.model.results import ConvertResult
from mlx_convert_core.remedies import RunCommand, SetOption
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.running.jobs import Job
from mlx_convert_core.running.process import TaskRunner
from mlx_convert_core.writing.leftovers import keep_for_resume
from mlx_convert_core.writing.staging import discard, missing_parents, remove_empty, staging_root


def carry_out(
    job: Job[ConvertResult],
    planner: Planner,
    context: JobContext,
    runner: TaskRunner,
    make_room: Callable[[int], None],
) -> ConvertResult:
    """Resolve, inspect, plan and convert, the last two in the worker of ``runner``, which is closed at the end."""
    plan: ConvertPlan | None = None
    missing: list[Path] = []
    try:
        with context.step("resolve"):
            source = Sources(context.hooks).of(planner.ref, planner.request.revision)
        with context.step("inspect"):
            model = source.inspect()
        with context.step("plan"):
            plan = planner.estimate(model)
            refuse(plan)
            plan, skipped = leave_taken(plan)
            for left in skipped:
                context.message(f"{left.path}: {left.reason}. The others are made.", level="warning")
            plan = planner.finish(runner.run(job.id, "plan", plan, ConvertPlan, job.emit), plan.model)
            refuse(plan)
        for output in plan.outputs:
            if output.replaces is not None:
                context.message(f"{output.path} will be replaced: {output.replaces.words}.")
        make_room(plan.peak_memory)
        missing = [parent for output in plan.outputs for parent in missing_parents(output.path)]
        return replace(runner.run(job.id, "convert", plan, ConvertResult, job.emit), skipped=skipped)
    except Cancelled:
        runner.close()  # before its staging folders go, in case it still writes
        for output in plan.outputs if plan else ():
            discard(staging_root(output.path, job.id), output.path)
        remove_empty(missing)
        raise
    except WorkerDied as error:
        _say_what_is_kept(error, job.id, [output.path for output in (plan.outputs if plan else ())])
        remove_empty(missing)
        raise
    finally:
        runner.close()


def _say_what_is_kept(error: WorkerDied, job: str, outputs: Iterable[Path]) -> None:
    """A worker that died could not clean up: what a next run can go on with is kept, and told; the rest is removed."""
    kept = sum(keep_for_resume(staging_root(output, job), output) for output in outputs)
    if kept:
        error.message += f" {units.size(kept)} that it wrote are kept."
        error.hint += " Resumed, it goes on where it was. What is kept can be deleted instead."
        error.remedies += (SetOption("resume", True), RunCommand("doctor --clear"))
