"""Compute lazy arrays layer by layer and write each at its place; holds a few layers at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from queue import Queue
from typing import Any

from mlx_convert_core import Reporter, ShardWriter
from mlx_convert_lm.blueprint import Blueprint, Group

BATCH_BYTES = 24_000_000  # computed together, so that small tensors don't wait for each other
AHEAD = 1  # batches in flight beside the one being written


def stream_out(blueprints: Sequence[Blueprint], writers: Sequence[ShardWriter], report: Reporter) -> None:
    """Evaluate and write every tensor of every blueprint, several outputs of a layer together.

    The blueprints are emptied on the way, so that each array is let go of once it is written.
    """
    total = sum(array.nbytes for plan in blueprints for group in plan.groups for _, array in group.tensors)
    count = sum(len(group.tensors) for plan in blueprints for group in plan.groups)
    done = _Done(report, total, count)
    with _WritingThread(done) as writing:
        waiting: deque[list[_Piece]] = deque()
        for batch in _batches(blueprints, writers):
            report.check_cancelled()
            writing.check()
            _start(batch)
            waiting.append(batch)
            if len(waiting) > AHEAD:
                writing.put(_computed(waiting.popleft()))
        while waiting:
            report.check_cancelled()
            writing.put(_computed(waiting.popleft()))


class _Piece:
    """One tensor on its way to its writer."""

    __slots__ = ("array", "name", "writer")

    def __init__(self, name: str, array: Any, writer: ShardWriter) -> None:
        self.name = name
        self.array = array
        self.writer = writer


class _Done:
    """Counts what is really written."""

    def __init__(self, report: Reporter, total: int, count: int) -> None:
        self._report = report
        self._total = total
        self._count = count
        self._bytes = 0
        self._tensors = 0

    def add(self, nbytes: int) -> None:
        self._bytes += nbytes
        self._tensors += 1
        self._report.progress("write", self._bytes, self._total)
        self._report.progress("quantize", self._tensors, self._count, unit="tensors")


class _WritingThread:
    """Writes batches behind the computation; its error is raised where batches are put."""

    def __init__(self, done: _Done) -> None:
        self._done = done
        self._queue: Queue[list[_Piece] | None] = Queue(maxsize=1)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)

    def __enter__(self) -> _WritingThread:
        self._thread.start()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None:
            self.check()

    def put(self, batch: list[_Piece]) -> None:
        self._queue.put(batch)

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        while (batch := self._queue.get()) is not None:
            if self._error is not None:
                continue
            try:
                while batch:
                    piece = batch.pop(0)
                    piece.writer.write(piece.name, memoryview(piece.array).cast("B"))
                    self._done.add(piece.array.nbytes)
            except BaseException as error:
                self._error = error


def _batches(blueprints: Sequence[Blueprint], writers: Sequence[ShardWriter]) -> Iterator[list[_Piece]]:
    """Layers in order, all outputs of a layer beside each other, some tens of megabytes at a time."""
    batch: list[_Piece] = []
    size = 0
    for group, writer in _interleaved(blueprints, writers):
        for name, array in group.tensors:
            batch.append(_Piece(name, _plain(array), writer))
            size += array.nbytes
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _interleaved(
    blueprints: Sequence[Blueprint], writers: Sequence[ShardWriter]
) -> Iterator[tuple[Group, ShardWriter]]:
    queues = [deque(plan.groups) for plan in blueprints]
    for plan in blueprints:
        plan.groups.clear()
    while any(queues):
        for queue, writer in zip(queues, writers, strict=True):
            if queue:
                yield queue.popleft(), writer


def _plain(array: Any) -> Any:
    """The array as contiguous integers of the same bytes, which Python can look into."""
    import mlx.core as mx

    flat = mx.contiguous(array.reshape(-1)) if array.ndim != 1 else mx.contiguous(array)
    return flat.view(mx.uint8)


def _start(batch: list[_Piece]) -> None:
    import mlx.core as mx

    mx.async_eval([piece.array for piece in batch])


def _computed(batch: list[_Piece]) -> list[_Piece]:
    import mlx.core as mx

    mx.eval([piece.array for piece in batch])
    return batch
