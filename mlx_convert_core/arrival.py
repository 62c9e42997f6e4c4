"""A checkpoint that may still be arriving: whole from the start, or shard by shard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlx_convert_core.checkpoint import ModelInfo
from mlx_convert_core.context import JobContext, cancelled_error
from mlx_convert_core.interfaces import ModelSource, StreamedSource

POLL_SECONDS = 0.1


class Checkpoint:
    """Where the files of a source are, or will be. `folder` waits for all of them, `shard` for one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._changed = threading.Condition()
        self._folder = folder
        self._shards: dict[str, Path] = {}
        self._error: BaseException | None = None

    @property
    def complete(self) -> bool:
        """Whether every file is there now."""
        return self._folder is not None

    def folder(self, check_cancelled: Callable[[], None]) -> Path:
        """The folder with every file in it. Raises what stopped the fetch, or Cancelled."""
        self._wait(lambda: self._folder is not None, check_cancelled)
        assert self._folder is not None
        return self._folder

    def shard(self, name: str, check_cancelled: Callable[[], None]) -> Path:
        """The weight file ``name``, whole. Raises what stopped the fetch, or Cancelled."""
        self._wait(lambda: self._folder is not None or name in self._shards, check_cancelled)
        if name in self._shards:
            return self._shards[name]
        assert self._folder is not None
        return self._folder / name

    def arrived(self, path: Path) -> None:
        """Say that the weight file ``path`` is whole."""
        with self._changed:
            self._shards[path.name] = path
            self._changed.notify_all()

    def finish(self, folder: Path) -> None:
        """Say that ``folder`` holds every file."""
        with self._changed:
            self._folder = folder
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Say that nothing more will come."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _wait(self, ready: Callable[[], bool], check_cancelled: Callable[[], None]) -> None:
        with self._changed:
            while not ready():
                if self._error is not None:
                    raise self._error
                check_cancelled()
                self._changed.wait(POLL_SECONDS)


@contextmanager
def arriving(source: ModelSource, model: ModelInfo, scratch: Path, context: JobContext) -> Iterator[Checkpoint]:
    """Fetch ``source``: a streamed one in the background while the body runs, any other one first.

    When the body ends early, the fetch is stopped and waited for.
    """
    if not isinstance(source, StreamedSource):
        with context.step("fetch"):
            checkpoint = Checkpoint(source.fetch(model, scratch, context))
        yield checkpoint
        return
    checkpoint = Checkpoint()
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
