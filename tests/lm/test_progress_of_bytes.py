"""Progress is real, its estimate comes true, and a cancel is noticed between two slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlx_convert_engine import memory, stream
from mlx_convert_engine.source_files import SourceFiles
from random_llama import write_llama

from mlx_convert_core import Cancelled, ConvertRequest, Progress, Workspace
from mlx_convert_core.running import context


class Clock:
    """Time that passes only when a source is read, at a steady rate."""

    def __init__(self, bytes_a_second: float) -> None:
        self.now = 1000.0
        self.rate = bytes_a_second

    def monotonic(self) -> float:
        return self.now

    def spend(self, nbytes: int) -> None:
        self.now += nbytes / self.rate


@pytest.mark.parametrize("preset", ["4bit", "bf16"])
def test_after_a_quarter_the_rest_is_known_within_a_third(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    source = write_llama(tmp_path / "source", layers=24)
    clock = Clock(bytes_a_second=200_000)
    read = SourceFiles.read
    told: list[tuple[float, Progress]] = []

    def throttled(self: SourceFiles, tensor: Any, start: int, into: memoryview) -> None:
        read(self, tensor, start, into)
        clock.spend(into.nbytes)

    class Timed(context.JobContext):
        def progress(self, *arguments: Any, **options: Any) -> None:
            forward = self._emit

            def listen(event: Any) -> None:
                told.append((clock.now, event))
                forward(event)

            self._emit = listen
            super().progress(*arguments, **options)
            self._emit = forward

    monkeypatch.setattr(SourceFiles, "read", throttled)
    monkeypatch.setattr(context, "time", clock)
    monkeypatch.setattr(context, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(memory, "SLICE_BYTES", 30_000)
    monkeypatch.setattr(stream, "IN_FLIGHT_SLICES", 1)
    monkeypatch.setattr("mlx_convert_core.running.process.JobContext", Timed)
    workspace.convert(ConvertRequest(ref=str(source), preset=preset, output=tmp_path / "model"), inline=True).result()
    written = [(now, event) for now, event in told if event.step == "write"]
    end = written[-1][0]
    later = [(now, event) for now, event in written if 0.25 <= event.done / event.total < 0.95]
    assert len(later) > 20
    for now, event in later:
        assert event.eta is not None
        assert abs(event.eta - (end - now)) <= 0.3 * (end - now) + 0.5


@pytest.mark.parametrize("slices", [0, 1, 20])
def test_a_cancelled_conversion_reads_no_further_slice(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, slices: int
) -> None:
    read = SourceFiles.read
    reads: list[int] = []

    def cancelling(self: SourceFiles, tensor: Any, start: int, into: memoryview) -> None:
        """Read, and cancel behind a certain slice."""
        read(self, tensor, start, into)
        reads.append(into.nbytes)
        if len(reads) > slices:
            cancelled.append(True)

    class Cancellable(context.JobContext):
        def check_cancelled(self) -> None:
            if cancelled:
                raise context.cancelled_error()

    cancelled: list[bool] = []
    monkeypatch.setattr(SourceFiles, "read", cancelling)
    monkeypatch.setattr(memory, "SLICE_BYTES", 30_000)
    monkeypatch.setattr("mlx_convert_core.running.process.JobContext", Cancellable)
    request = ConvertRequest(ref=str(write_llama(tmp_path / "source", layers=8)), output=tmp_path / "out" / "model")
    with pytest.raises(Cancelled):
        workspace.convert(request, inline=True).result()
    # A slice is at least SLICE_BYTES of small tensors: none is begun after the one that was under way.
    assert sum(reads[slices + 1 :]) < 30_000
    assert not (tmp_path / "out").exists()
