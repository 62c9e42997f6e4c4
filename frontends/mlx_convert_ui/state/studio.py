"""What the pages share: the workspace, the views of its jobs, the open model, the theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlx_convert_core import (
    BenchRequest,
    ConvertRequest,
    LibraryEntry,
    MeasureRequest,
    MlxConvertError,
    UploadRequest,
    Workspace,
)
from mlx_convert_core.plugin import Afterwards, ModelSenses, SamplerAdvice, model_name
from mlx_convert_ui.state.answers import Answers
from mlx_convert_ui.state.attached import Attached
from mlx_convert_ui.state.chats import Chats
from mlx_convert_ui.state.comparisons import Comparisons
from mlx_convert_ui.state.interrupted import Interrupted
from mlx_convert_ui.state.job_views import JobView, JobViews
from mlx_convert_ui.state.kept_answers import KeptAnswers
from mlx_convert_ui.state.network_threads import NetworkThreads
from mlx_convert_ui.state.preferences import Preferences, PreferencesFile, Theme
from mlx_convert_ui.state.queue_news import QueueNews

if TYPE_CHECKING:
    from mlx_convert_core.plugin import Page


TABS = 200  # drafts of tabs that are kept: of four forms in each of fifty
Form = Literal["convert", "test", "chat", "compare"]


@dataclass
class Draft:
    """What was typed last into the forms, so that a reload or a walk to another page loses nothing.

    Each is the newest of all tabs: a tab that has none of its own yet begins with it.
    """

    convert: dict[str, Any] = field(default_factory=dict)
    test: dict[str, Any] = field(default_factory=dict)
    chat: dict[str, Any] = field(default_factory=dict)
    compare: dict[str, Any] = field(default_factory=dict)
    in_tabs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def keep(self, form: Form, tab: str | None, draft: dict[str, Any]) -> None:
        """``draft`` is what the ``form`` of ``tab`` says now; None is a tab that nobody knows yet."""
        setattr(self, form, draft)
        if tab is not None:
            self.in_tabs.pop((form, tab), None)
            self.in_tabs[form, tab] = draft
            for oldest in [*self.in_tabs][:-TABS]:
                del self.in_tabs[oldest]

    def own(self, form: Form, tab: str | None) -> dict[str, Any] | None:
        """What the ``form`` of ``tab`` said last; None where it never said anything."""
        return self.in_tabs.get((form, tab or ""))


class Studio:
    """One for each server. Safe to use from any thread."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.views = JobViews()
        self.draft = Draft()
        self.questions = NetworkThreads()
        self.interrupted = Interrupted(workspace)
        self.attached = Attached()
        self._preferences = PreferencesFile(workspace.home)
        self.queue = QueueNews(workspace, self.views)
        self.answers = Answers(workspace, self.views)
        self.chats = Chats(workspace.conversations, self.answers)
        self.kept_answers = KeptAnswers(workspace.answer_presets)
        self.comparisons = Comparisons(workspace, self.views, self.answers)

    def convert(self, request: ConvertRequest) -> JobView:
        """Start a conversion and watch it. Raises InvalidRequest."""
        name = request.outputs[0].name if request.outputs else request.ref
        view = self.views.follow(self.workspace.convert(request), model=name, request=request, place="convert")
        self.interrupted.watch(view)
        return view

    def get(self, ref: str) -> JobView:
        """Begin to get a model that is MLX already, and watch it; one that is on its way is not fetched twice."""
        for view in self.views.of("get"):
            if view.active and view.request == ref:
                return view
        name = ref.rstrip("/").rpartition("/")[2]
        return self.views.follow(self.workspace.get(ref), model=name, request=ref, place="get")

    def enqueue(self, requests: Sequence[ConvertRequest], then: Afterwards | None = None) -> None:
        """Put conversions at the end of the queue, with what is done afterwards. Writes a file: call it on a thread."""
        self.workspace.queue.add_many(requests, then)

    def entries(self) -> tuple[LibraryEntry, ...]:
        """The models of the library whose folder is there, newest first; () when no plugin keeps one.

        Looks at the disk: call it on a thread.
        """
        try:
            return tuple(entry for entry in self.workspace.library.entries() if not entry.missing)
        except MlxConvertError:
            return ()

    def welcomes(self) -> bool:
        """Whether somebody comes for the first time, and has nothing here. Reads the disk: call it on a thread."""
        if self.preferences.welcomed:
            return False
        new = not self.entries() and not self.draft.convert and not self.chats.list()
        if not new:
            self.prefer(welcomed=True)
        return new

    def advice(self, model: str) -> SamplerAdvice:
        """What the authors of the model in the folder ``model`` recommend. Reads files: call it on a thread."""
        try:
            return self.workspace.advice(model) if model else SamplerAdvice()
        except MlxConvertError:
            return SamplerAdvice()

    def senses(self, model: str) -> ModelSenses | None:
        """What the model in the folder ``model`` takes besides text; None when there is none. Reads a file."""
        try:
            return self.workspace.senses(model) if model else None
        except MlxConvertError:
            return None

    def forget_model(self, path: Path) -> None:
        """Close the model at ``path``, before its files go. It may take a moment: call it on a thread."""
        self.answers.forget(path)

    @cached_property
    def pages(self) -> dict[str, Page]:
        """The pages of plugins, by name."""
        return self.workspace.pages()

    @property
    def preferences(self) -> Preferences:
        """What the person likes."""
        return self._preferences.current

    @property
    def theme(self) -> Theme:
        """The theme of every page."""
        return self.preferences.theme

    def prefer(self, **changes: Any) -> None:
        """Keep preferences, for all tabs and for next time."""
        self._preferences.set(**changes)

    def measure(self, path: Path, request: MeasureRequest | BenchRequest) -> JobView:
        """Measure the quality or the speed of the model at ``path``, and watch it. Reads files: call it on a thread."""
        workspace = self.workspace
        job = workspace.bench(path, request) if isinstance(request, BenchRequest) else workspace.measure(path, request)
        return self.views.follow(job, model=model_name(path), request=request, place=str(path))

    def upload(self, request: UploadRequest) -> JobView:
        """Start an upload and watch it. Raises InvalidRequest."""
        to = f"{request.target}:{request.name}"
        job = self.workspace.upload(request.path, to, public=request.public, replace=request.replace)
        return self.views.follow(job, model=model_name(request.path), request=request)

    def start(self) -> None:
        """Have the queue carried out, here or where another program does it already; find what was cut off."""
        self.interrupted.look()
        self.queue.start()

    def close(self) -> None:
        """Let go of the open models; the workspace itself is closed by whoever made it."""
        self.interrupted.close()
        self.questions.close()
        self.comparisons.stop()
        self.queue.stop()
        self.answers.close()
        self.chats.close()
        self.attached.close()
