"""A checkpoint that may still be arriving: whole from the start, or shard by shard, and gone again as it is used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from mlx_convert_core.checkpoint import ModelInfo
from mlx_convert_core.context import JobContext, cancelled_error
from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.interfaces import DiscardableSource, ModelSource, StreamedSource

POLL_SECONDS = 0.1
_EVERYTHING = "\U0010ffff"  # behind every file's name


class Checkpoint:
    """Where the files of a source are, or will be. `folder` waits for all of them, `shard` for one.

    With ``discard`` each weight file is deleted once it is released, and the next ones wait for that.
    """

    def __init__(self, folder: Path | None = None, discard: Callable[[Path], None] | None = None) -> None:
        self._changed = threading.Condition()
        self._folder = folder
        self._discard = discard
        self._shards: dict[str, Path] = {}
        self._released: set[str] = set()
        self._awaited = ""
        self._error: BaseException | None = None

    @property
    def complete(self) -> bool:
        """Whether every file is there now."""
        return self._folder is not None

    @property
    def discards(self) -> bool:
        """Whether weight files are deleted as they are released; `folder` then lacks those."""
        return self._discard is not None

    def folder(self, check_cancelled: Callable[[], None]) -> Path:
        """The folder with every file in it. Raises what stopped the fetch, or Cancelled."""
        self._wait(_EVERYTHING, lambda: self._folder is not None, check_cancelled)
        assert self._folder is not None
        return self._folder

    def shard(self, name: str, check_cancelled: Callable[[], None]) -> Path:
        """The weight file ``name``, whole. Raises what stopped the fetch, or Cancelled."""
        self._wait(name, lambda: self._folder is not None or name in self._shards, check_cancelled)
        if name in self._shards:
            return self._shards[name]
        assert self._folder is not None
        return self._folder / name

    def arrived(self, path: Path) -> bool:
        """Say that the weight file ``path`` is whole; whether there is room for a further one, else ask again."""
        with self._changed:
            new = path.name not in self._shards
            self._shards[path.name] = path
            released = path.name in self._released
            self._changed.notify_all()
            room = self._room()
        if new and released and self._discard is not None:
            self._discard(path)
        return room

    def release(self, name: str) -> None:
        """Say that the weight file ``name``, here or on its way, is needed no more."""
        with self._changed:
            self._released.add(name)
            path = self._shards.get(name)
        if path is not None and self._discard is not None:
            self._discard(path)

    def _room(self) -> bool:
        """Files come in the order of their names: one that is awaited is on its way when a later one is here."""
        if self._discard is None or len(self._shards.keys() - self._released) <= 1:
            return True
        return max(self._shards) < self._awaited

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

    def _wait(self, name: str, ready: Callable[[], bool], check_cancelled: Callable[[], None]) -> None:
        with self._changed:
            self._awaited = name
            while not ready():
                if self._error is not None:
                    raise self._error
                check_cancelled()
                self._changed.wait(POLL_SECONDS)
            self._awaited = ""


@contextmanager
def arriving(
    source: ModelSource, model: ModelInfo, scratch: Path, context: JobContext, *, discard: bool = False
) -> Iterator[Checkpoint]:
    """Fetch ``source``: a streamed one in the background while the body runs, any other one first.

    With ``discard`` its weight files are deleted as they are released. When the body ends early, the fetch is
    stopped and waited for.
    """
    if discard and not isinstance(source, DiscardableSource):
        raise cannot_discard(model)
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
        hint="Leave --discard-source out; it is for repos.",
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
