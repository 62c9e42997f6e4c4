"""The parent's part of measuring: what to compare with, the worker, and where the figures go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlx_convert_core.answering.model_session import ModelSession
from mlx_convert_core.base.awake import awake
from mlx_convert_core.base.identity import same_place
from mlx_convert_core.converting.memory_guard import weight_bytes
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.errors import MlxConvertError
from mlx_convert_core.measuring.bench import bench
from mlx_convert_core.measuring.keeping import keep
from mlx_convert_core.measuring.reading import MeasureTask
from mlx_convert_core.measuring.sources import source_of
from mlx_convert_core.model.figures import SPEED
from mlx_convert_core.model.fit import BESIDE_WEIGHTS
from mlx_convert_core.model.library import LibraryEntry
from mlx_convert_core.model.measurements import BenchRequest, BenchResult, MeasureRequest, MeasureResult
from mlx_convert_core.plugins.interfaces import LibraryStore
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.running.jobs import Job
from mlx_convert_core.running.process import TaskRunner


def carry_out(
    job: Job[MeasureResult],
    path: Path,
    request: MeasureRequest,
    context: JobContext,
    runner: TaskRunner,
    library: Callable[[], LibraryStore],
    make_room: Callable[[int], None],
) -> MeasureResult:
    """Find the source, measure in the worker of ``runner``, which is closed at the end, and keep the figures."""
    try:
        store = _store(library)
        with context.step("resolve"):
            source, why = source_of(request, path, _entry(store, path), Sources(context.hooks))
        if why:
            context.message(why, "warning")
        make_room(weight_bytes(path) + BESIDE_WEIGHTS)
        task = MeasureTask(path=path, request=request, source=source)
        with awake():
            result = runner.run(job.id, "measure", task, MeasureResult, job.emit)
    finally:
        runner.close()
    with context.step("store", cancellable=False):
        keep(path, result.group, result.recorded(), store, context)
    return result


def time_answers(
    job: Job[BenchResult],
    path: Path,
    request: BenchRequest,
    context: JobContext,
    opened: Callable[[], ModelSession],
    library: Callable[[], LibraryStore],
) -> BenchResult:
    """Time answers of the model in ``path``, and keep the figures."""
    with awake():
        result = bench(job, path, request, context, opened)
    with context.step("store", cancellable=False):
        keep(path, SPEED, result.recorded(), _store(library), context)
    return result


def _store(library: Callable[[], LibraryStore]) -> LibraryStore | None:
    try:
        return library()
    except MlxConvertError:  # without a library there is a record still
        return None


def _entry(store: LibraryStore | None, path: Path) -> LibraryEntry | None:
    try:
        return next((one for one in store.entries() if same_place(one.path, path)), None) if store else None
    except MlxConvertError:
        return None
