"""The steps of a job as rows for people, kept up to date by its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mlx_convert_core import Event, Progress, StepFinished, StepStarted
from mlx_convert_core.plugin import units

TOGETHER = {"quantize": "quantize, write", "write": "quantize, write"}  # these run at the same time
WORTH_SECONDS = 0.5  # a step without progress that was shorter is not worth a line


@dataclass
class Row:
    """One line: a step, or steps that run at the same time. Times are those of the events."""

    label: str
    began: float
    running: set[str] = field(default_factory=set)
    ended: float | None = None
    latest: dict[str, Progress] = field(default_factory=dict)
    _first: Progress | None = None
    _earlier: int = 0

    @property
    def finished(self) -> bool:
        """Whether all of its steps have ended."""
        return self.ended is not None

    @property
    def worth_showing(self) -> bool:
        """Whether a finished row says anything."""
        return bool(self.latest) or self.seconds >= WORTH_SECONDS

    @property
    def seconds(self) -> float:
        """How long it took, 0 while it runs."""
        return self.ended - self.began if self.ended is not None else 0.0

    @property
    def main(self) -> Progress | None:
        """The progress that the bar shows: bytes where bytes are counted."""
        return self.latest.get("bytes") or next(iter(self.latest.values()), None)

    def advance(self, event: Progress) -> None:
        """Take newer figures; a second output begins to count at zero again."""
        before = self.latest.get(event.unit)
        if before is not None and event.unit == "bytes" and event.done < before.done:
            self._earlier += before.done
        self.latest[event.unit] = event
        if self._first is None and event.unit == "bytes":
            self._first = event

    def reached(self) -> str:
        """How much of how much was done when it stopped."""
        return _part(self.main) if self.main is not None else ""

    def standing(self) -> str:
        """Where it stands: how much of how much, how fast, how long still."""
        parts = [self.reached()]
        if rate := self._rate():
            parts.append(f"{units.size(rate)}/s")
        if self.main is not None and self.main.eta:
            parts.append(f"{units.duration(self.main.eta)} left")
        return " · ".join(parts)

    def outcome(self) -> str:
        """What was done, and in which time."""
        done = (
            units.size(self._earlier + one.done) if one.unit == "bytes" else f"{one.done} {one.unit}"
            for one in self._ordered()
        )
        return " · ".join([*done, units.duration(self.seconds)])

    def _ordered(self) -> list[Progress]:
        return sorted(self.latest.values(), key=lambda progress: progress.unit != "bytes")

    def _rate(self) -> float:
        last = self.latest.get("bytes")
        if self._first is None or last is None or last.time - self._first.time < WORTH_SECONDS:
            return 0.0
        return (self._earlier + last.moved - self._first.moved) / (last.time - self._first.time)


class Rows:
    """All rows of a job, in the order in which they began."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(tuple(self._rows.values()))

    def take(self, event: Event) -> Row | None:
        """Bring the event's row up to date; None when it is no event of a step."""
        if not isinstance(event, (StepStarted, StepFinished, Progress)):
            return None
        label = TOGETHER.get(event.step, event.step)
        row = self._rows.setdefault(label, Row(label, began=event.time))
        if isinstance(event, StepStarted):
            row.running.add(event.step)
            row.ended = None
        elif isinstance(event, StepFinished):
            row.running.discard(event.step)
            row.ended = None if row.running else event.time
        else:
            row.advance(event)
        return row


def _part(progress: Progress) -> str:
    if progress.unit == "bytes":
        return units.size_of(progress.done, progress.total)
    return f"{progress.done} of {progress.total} {progress.unit}"
