"""Fetch a source while its conversion already runs: a streamed one in the background, any other one first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.model.checkpoint import Checkpoint
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.plugins.model_sources import DiscardableSource, InPlaceSource, ModelSource, StreamedSource
from mlx_convert_core.remedies import LeaveOut
from mlx_convert_core.running.context import JobContext, cancelled_error


@contextmanager
def arriving(
    source: ModelSource,
    model: ModelInfo,
    scratch: Path,
    context: JobContext,
    *,
    discard: bool = False,
    in_place: bool = False,
) -> Iterator[Checkpoint]:
    """Fetch ``source``: a streamed one in the background while the body runs, any other one first.

    With ``discard`` its weight files are deleted as they are released; with ``in_place`` weights stay where they lie,
    if it can be read there. When the body ends early, the fetch is stopped and waited for.
    """
    if discard and not isinstance(source, DiscardableSource):
        raise cannot_discard(model)
    if in_place and isinstance(source, InPlaceSource):
        with context.step("fetch"):
            checkpoint = Checkpoint(source.small_files(model, scratch, context))
        yield checkpoint
        return
    if not isinstance(source, StreamedSource):
        with context.step("fetch"):
            checkpoint = Checkpoint(source.fetch(model, scratch, context))
        yield checkpoint
        return
    discarding = partial(source.discard, model) if discard and isinstance(source, DiscardableSource) else None
    checkpoint = Checkpoint(discard=discarding)
    stop = _Stoppable(context)
    thread = threading.Thread(
        target=_fetch, args=(source, model, scratch, context, stop, checkpoint), name="fetch", daemon=True
    )
    thread.start()
    try:
        yield checkpoint
        checkpoint.folder(context.check_cancelled)
    finally:
        stop.stopped.set()
        thread.join()


def _fetch(
    source: StreamedSource,
    model: ModelInfo,
    scratch: Path,
    context: JobContext,
    report: _Stoppable,
    checkpoint: Checkpoint,
) -> None:
    try:
        with context.step("fetch"):
            folder = source.stream(model, scratch, report, checkpoint.arrived)
        checkpoint.finish(folder)
    except BaseException as error:
        checkpoint.fail(error)


def cannot_discard(model: ModelInfo) -> InvalidRequest:
    """The error for a source whose files are not ours to delete."""
    return InvalidRequest(
        f"{model.ref} was not fetched, so its weight files are not deleted as they are used.",
        hint="Only what was fetched from a repo is deleted so.",
        remedies=(LeaveOut("discard_source"),),
        code="discard_source",
    )


class _Stoppable:
    """A reporter for the background, which is also told when the foreground has ended."""

    def __init__(self, context: JobContext) -> None:
        self.stopped = threading.Event()
        self._context = context

    def check_cancelled(self) -> None:
        if self.stopped.is_set():
            raise cancelled_error()
        self._context.check_cancelled()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
