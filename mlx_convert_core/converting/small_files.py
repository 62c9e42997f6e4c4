"""The files beside the weights, looked at before a weight is read: by the hook `examine_files`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from mlx_convert_core.model.checkpoint import Checkpoint
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.plugins.model_sources import ModelSource, SmallFilesSource
from mlx_convert_core.running.context import JobContext

Findings = tuple[Finding, ...]


def examined_in_advance(plan: ConvertPlan, source: ModelSource, context: JobContext) -> Findings:
    """What plugins say about the small files of ``source``, fetched for that; () when it can't give them alone."""
    if not isinstance(source, SmallFilesSource):
        return ()
    with TemporaryDirectory(prefix="mlx-convert-files-") as scratch:
        return _examined(plan, source.small_files(plan.model, Path(scratch), context), context)


def examined_on_arrival(
    plan: ConvertPlan, source: ModelSource, checkpoint: Checkpoint, context: JobContext
) -> Findings:
    """The same about a source that only comes whole, before its weights are read."""
    if isinstance(source, SmallFilesSource) or not checkpoint.complete:
        return ()
    return _examined(plan, checkpoint.folder(context.check_cancelled), context)


def _examined(plan: ConvertPlan, folder: Path, context: JobContext) -> Findings:
    return context.hooks.collect("examine_files", Finding, plan=plan, folder=folder)
