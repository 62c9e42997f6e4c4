"""The comparison that runs or ran last: its columns, and where their answers part."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlx_convert_core import (
    CompareResult,
    Comparison,
    GenerateRequest,
    GenerateResult,
    Job,
    JobState,
    LibraryEntry,
    Workspace,
)
from mlx_convert_core.plugin import entry_of, first_divergence, model_name
from mlx_convert_ui.state.answers import Answers
from mlx_convert_ui.state.job_views import JobView, JobViews

PLACE = "compare"


@dataclass
class Column:
    """A model's answer: ``entry`` is what is known of the model, None when that can't be read."""

    view: JobView
    path: Path
    entry: LibraryEntry | None


@dataclass
class ShownComparison:
    """A comparison as a page draws it; ``view`` stands for the whole."""

    comparison: Comparison
    view: JobView
    columns: tuple[Column, ...]
    _parted: dict[int, int | None] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether a column still waits or answers."""
        return self.view.active

    def parting(self, index: int) -> int | None:
        """The first character at which column ``index`` differs from the first, None while there is none."""
        if index in self._parted:
            return self._parted[index]
        first, other = self.columns[0].view, self.columns[index].view
        over = not first.active and not other.active  # read before the texts
        one, two = first.text, other.text
        found = first_divergence(one, two)
        if found is None and over and one != two and _both_finished(first, other):
            found = min(len(one), len(two))
        if found is not None or over:
            self._parted[index] = found
        return found

    def first_parting(self) -> int | None:
        """Where the first column differs from any other, None while it does from none."""
        found = [place for index in range(1, len(self.columns)) if (place := self.parting(index)) is not None]
        return min(found, default=None)

    def result(self) -> CompareResult | None:
        """The figures of all columns, once all have ended well or badly."""
        return self.view.job.result() if self.view.state is JobState.FINISHED else None


class Comparisons:
    """One for each server. Safe to use from any thread."""

    def __init__(self, workspace: Workspace, views: JobViews, answers: Answers) -> None:
        self.current: ShownComparison | None = None
        self._answers = answers
        self._workspace = workspace
        self._views = views
        self._lock = threading.Lock()

    def start(self, models: Sequence[str], request: GenerateRequest) -> ShownComparison:
        """Ask all ``models``, instead of what ran. Reads files: call it on a thread. Raises MlxConvertError."""
        with self._lock:
            self.stop()
            paths = [self._answers.folder(model) for model in models]
            comparison = self._workspace.compare(
                paths,
                request,
                trusted=filter(self._answers.trusts, paths),
                anyway=filter(self._answers.insists, paths),
            )
            columns = tuple(
                Column(view=self._follow(job, path, comparison.request), path=path, entry=entry_of(path))
                for job, path in zip(comparison.answers, comparison.models, strict=True)
            )
            view = self._views.follow(comparison.job, request=comparison.request, place=PLACE)
            self.current = ShownComparison(comparison=comparison, view=view, columns=columns)
            return self.current

    def _follow(self, job: Job[GenerateResult], path: Path, request: GenerateRequest) -> JobView:
        view = self._views.follow(job, model=model_name(path), request=request, place=PLACE)
        self._answers.offer(view, path)
        return view

    def stop(self) -> None:
        """Stop every column."""
        if self.current is not None and self.current.active:
            self.current.view.job.cancel()


def token_at(view: JobView, place: int) -> tuple[int, int]:
    """The piece of an answer that holds the character ``place``: where it starts and ends."""
    end = 0
    for chunk in tuple(view.chunks):
        start, end = end, end + len(chunk)
        if place < end:
            return start, end
    return end, end


def marked_at(view: JobView, place: int) -> tuple[int, int]:
    """What is marked for the piece that holds the character ``place``: it begins with a letter or a digit.

    A mark around ``**`` or the dot of ``1.`` would break what these mean, so for a piece without any the next word is
    marked; an empty span where none has come yet.
    """
    start, end = token_at(view, place)
    text = view.text
    start = next((at for at in range(start, len(text)) if text[at].isalnum()), len(text))
    end = start + len(text[start:end].rstrip())
    if start >= end:
        end = next((at for at in range(start, len(text)) if not text[at].isalnum()), len(text))
    return start, end


def _both_finished(*views: JobView) -> bool:
    return all(view.state is JobState.FINISHED for view in views)
