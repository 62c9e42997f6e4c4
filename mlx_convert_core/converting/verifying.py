"""Try what was written before it is published.

What can't be tried is published without a mark; only an error finding of a check refuses.

It happens in a process of its own: what ends that, or takes too long, loses no conversion, and all of its memory comes
back.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlx_convert_core.base.removing import remove_tree
from mlx_convert_core.converting.smoke_check import TrialRequest, Tried, broke, planned_fact, try_model
from mlx_convert_core.errors import Cancelled, MlxConvertError
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.model.verification import Verification
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.running.process import WorkerProcess

VARIABLE = "MLX_CONVERT_VERIFY"  # "0" tries no model, for test suites that convert hundreds of tiny ones
LIMIT_SECONDS = 60.0  # for all of it, imports and loading included; most take a few. Then the process is ended
LOOK_SECONDS = 0.05  # between two looks for a cancel and at the clock


def try_models(
    plans: Iterable[ConvertPlan], folders: Iterable[Path], source: Path, context: JobContext
) -> tuple[Tried, ...]:
    """Try the models in ``folders``, one after the other; each plan has its model as the only output.

    They were made from the checkpoint in ``source``, and have passed the check of their tensors.
    """
    asked = [TrialRequest(plan=plan, folder=folder, source=source) for plan, folder in zip(plans, folders, strict=True)]
    anybody = context.hooks.plugins.manager.hook.register_checks.get_hookimpls()
    if not anybody or not asked[0].plan.request.verify or os.environ.get(VARIABLE) == "0":
        return tuple(Tried() for _ in asked)
    with context.step("verify"):
        return tuple(_tried(one, context) for one in asked)


def _tried(asked: TrialRequest, context: JobContext) -> Tried:
    with _untouched(asked.folder):
        return _apart(asked, context) if context.in_worker else try_model(asked, context)


def _apart(asked: TrialRequest, context: JobContext) -> Tried:
    """Try a model in a process of its own."""
    child = WorkerProcess(context.hooks.plugins, context.home)
    try:
        with _watched(child, context):
            return child.run(context.job, "try", asked, Tried, lambda event: None)
    except Cancelled:
        context.check_cancelled()
        return _without_mark(asked, skipped=f"it took longer than {LIMIT_SECONDS:g} seconds")
    except MlxConvertError as error:
        tried = _without_mark(asked)
        return Tried(verification=tried.verification, findings=(broke(error, "that broke off", asked.plan),))
    finally:
        child.close()


def _without_mark(asked: TrialRequest, skipped: str = "") -> Tried:
    return Tried(verification=Verification(facts=(planned_fact(asked.plan),), skipped=skipped))


@contextmanager
def _watched(child: WorkerProcess, context: JobContext) -> Iterator[None]:
    """End what ``child`` does when the job is cancelled, or its time is up."""
    done, end = threading.Event(), time.monotonic() + LIMIT_SECONDS

    def watch() -> None:
        try:
            while not done.wait(LOOK_SECONDS) and time.monotonic() < end:
                context.check_cancelled()
        except Cancelled:
            pass
        if not done.is_set():
            child.cancel(context.job)

    watcher = threading.Thread(target=watch, name="trial", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


@contextmanager
def _untouched(folder: Path) -> Iterator[None]:
    """Have nothing that a runner leaves in ``folder`` stay there.

    What changes a file is told by `check_unchanged`, just before the folder is published.
    """
    before = set(folder.rglob("*"))
    try:
        yield
    finally:
        for path in sorted(set(folder.rglob("*")) - before):
            remove_tree(path)
