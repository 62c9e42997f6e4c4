"""Write results behind the computation, and count what is really written."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from queue import Queue
from typing import Any

from mlx_convert_core import Reporter, ShardWriter


@dataclass(slots=True)
class Result:
    """Bytes for a tensor: an array of bytes that is being computed, or ``data`` as it was read."""

    name: str
    writer: ShardWriter
    array: Any = None
    data: bytearray | None = None


class WritingThread:
    """Writes in the background; what goes wrong there is raised by the next `put`, or at the end."""

    def __init__(self, report: Reporter, total: int, tensors: int) -> None:
        self._report = report
        self._total = total
        self._tensors = tensors
        self._written = 0
        self._names: set[tuple[int, str]] = set()
        self._queue: Queue[list[Result] | None] = Queue(maxsize=1)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="writing", daemon=True)

    def __enter__(self) -> WritingThread:
        self._thread.start()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None:
            self._raise()

    def put(self, results: list[Result]) -> None:
        """Hand over computed results; the list is emptied as they are written. Waits when one is waiting."""
        self._raise()
        self._queue.put(results)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (results := self._queue.get()) is not None:
            if self._error is not None:
                continue
            try:
                self._write(results)
            except BaseException as error:
                self._error = error

    def _write(self, results: list[Result]) -> None:
        results.reverse()
        while results:
            result = results.pop()
            data = memoryview(result.data if result.array is None else result.array)
            result.writer.write(result.name, data)
            self._written += data.nbytes
            self._names.add((id(result.writer), result.name))
            self._report.progress("write", self._written, self._total)
            self._report.progress("quantize", len(self._names), self._tensors, unit="tensors")
