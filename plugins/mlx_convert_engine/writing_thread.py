"""Write results behind the computation, and count what is really written."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Queue
from typing import Any

from mlx_convert_core.plugin import Reporter, ShardWriter, dtypes
from mlx_convert_engine.not_finite import Sizes, overflow


@dataclass(slots=True)
class Result:
    """Bytes for a tensor: an array of bytes that is being computed, or ``data`` as it was read.

    ``not_finite`` values behind them are no numbers (an array when that is being computed, too), and ``too_large`` ones
    become infinite here; they count for the tensor if ``counted``. ``floats`` names the type of floats that are to be
    looked at: no more of them may be none.
    """

    name: str
    writer: ShardWriter
    array: Any = None
    data: memoryview | None = None
    not_finite: Any = 0
    too_large: int = 0
    counted: bool = True
    floats: str = ""

    @property
    def arrays(self) -> list[Any]:
        """What is to be computed."""
        return [one for one in (self.array, self.not_finite) if hasattr(one, "dtype")]


class WritingThread:
    """Writes in the background; what goes wrong there is raised by the next `put`, or at the end.

    New values that are not finite are counted with ``allow_overflow``, and refused (code ``overflow``) without.
    """

    def __init__(self, report: Reporter, writers: Sequence[ShardWriter], *, allow_overflow: bool = False) -> None:
        self.allow_overflow = allow_overflow
        self._report = report
        self._writers = writers
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

    def flush(self) -> None:
        """Wait until everything handed over is written."""
        self._queue.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (results := self._queue.get()) is not None:
            try:
                if self._error is None:
                    self._write(results)
            except BaseException as error:
                self._error = error
            finally:
                self._queue.task_done()

    def _write(self, results: list[Result]) -> None:
        results.reverse()
        while results:
            result = results.pop()
            data = memoryview(result.data if result.array is None else result.array)
            known, made = int(result.not_finite), result.too_large
            new = _new(result, data, known + made)
            if new and not self.allow_overflow:
                raise overflow(result.name, new, result.floats)
            told = (known, made + new) if result.counted else (0, new)
            result.writer.write(result.name, data, not_finite=told[0], overflowed=told[1])
            self._tell()

    def _tell(self) -> None:
        done, total, tensors, count = (
            sum(column) for column in zip(*(one.progress for one in self._writers), strict=True)
        )
        self._report.progress("write", done, total)
        self._report.progress("quantize", tensors, count, unit="tensors")


def _new(result: Result, data: memoryview, known: int) -> int:
    """How many more values are not finite than were ``known`` to be."""
    return max(0, Sizes.of(data, dtypes.STORED[result.floats]).not_finite - known) if result.floats else 0
