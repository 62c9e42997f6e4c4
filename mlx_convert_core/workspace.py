"""The one object that every frontend drives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from mlx_convert_core.base.memory import few_collections, free_memory
from mlx_convert_core.errors import MlxConvertError
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.running.jobs import Job, context_of
from mlx_convert_core.workbench import Workbench

if TYPE_CHECKING:  # every command has a workspace: what a method needs is imported when it is called
    from mlx_convert_core.converting.considering import SourceDetails
    from mlx_convert_core.converting.planning import Planner
    from mlx_convert_core.home.conversion_queue import ConversionQueue
    from mlx_convert_core.home.queue_item import Afterwards, FollowKind
    from mlx_convert_core.model.inspection import ModelInfo
    from mlx_convert_core.model.library import LibraryEntry
    from mlx_convert_core.model.plan import ConvertPlan
    from mlx_convert_core.model.requests import ConvertRequest, UploadRequest
    from mlx_convert_core.model.results import ConvertResult, UploadResult
    from mlx_convert_core.writing.leftovers import Leftover


class Workspace(Workbench):
    """Plugins, settings, library (see `Inventory`), answers, figures (see `Workbench`) and conversions under one roof.

    ``home`` holds the settings and the library (default: the platform's place for user data, or
    ``MLX_CONVERT_HOME``). ``plugins`` are modules or objects with hooks, besides those that are installed.
    ``free_memory`` tells how many bytes programs can still take.
    """

    def __init__(
        self,
        home: Path | None = None,
        plugins: Iterable[ModuleType | object] = (),
        *,
        free_memory: Callable[[], int] = free_memory,
    ) -> None:
        super().__init__(home, plugins, free_memory)
        self._queue: ConversionQueue | None = None
        self._queued = threading.Lock()

    @property
    def queue(self) -> ConversionQueue:
        """The conversions that are lined up; the same for all threads."""
        from mlx_convert_core.home.conversion_queue import ConversionQueue

        with self._queued:
            if self._queue is None:
                self._queue = ConversionQueue(self.home, self.convert, self._follow_up)
            return self._queue

    # Look before you leap

    def inspect(self, ref: str, revision: str | None = None) -> ModelInfo:
        """Describe the model at ``ref`` from config.json and headers; reads no weight.

        Raises SourceError and its kinds.
        """
        from mlx_convert_core.base.addresses import without_secrets

        return self.sources.of(without_secrets(ref), revision).inspect()

    def plan(self, request: ConvertRequest, *, exact: bool = True, model: ModelInfo | None = None) -> ConvertPlan:
        """What ``request`` will do: sizes, findings, memory. Error findings are in the plan, not raised.

        ``exact`` asks a worker for sizes equal to the byte; otherwise they are estimated at once. ``model`` is what
        `inspect` said of the request's model; left out, the source is looked at now.
        """
        from mlx_convert_core.model.plan import ConvertPlan

        planner = self._planner(request)
        runner = self._runner(inline=False) if exact else None  # starts importing while the source is looked at
        try:
            with few_collections():
                plan = planner.estimate(model or self.inspect(planner.ref, request.revision))
            if runner is None or plan.errors:
                return plan
            planned = runner.run("plan", "plan", plan, ConvertPlan, self._dispatcher.send)
            return planner.finish(planned, plan.model)
        finally:
            if runner is not None:
                runner.close()

    def about(self, ref: str, revision: str | None = None) -> SourceDetails:
        """All that can be told of the model at ``ref`` to somebody who considers it; no weight is fetched.

        Raises SourceError and its kinds when it can't be inspected, and InvalidRequest.
        """
        from mlx_convert_core.converting.considering import considered
        from mlx_convert_core.model.quantization import USUAL
        from mlx_convert_core.model.requests import ConvertRequest

        model = self.inspect(ref, revision)
        presets = tuple(name for name in USUAL if name in self.presets) or tuple(self.presets)[:1]
        request = ConvertRequest(ref=model.ref, revision=revision, preset=presets)
        return considered(self.plan(request, exact=False, model=model), self.sources, self.published)

    # Do

    def convert(self, request: ConvertRequest, *, inline: bool = False) -> Job[ConvertResult]:
        """Convert a model; returns at once with the running job, or, ``inline``, with the finished one.

        Raises InvalidRequest for an unknown preset; everything later fails the job.
        """
        from mlx_convert_core.base.awake import awake
        from mlx_convert_core.converting.conversion_job import carry_out

        planner = self._planner(request)
        job: Job[ConvertResult] = Job("convert", f"Convert {planner.ref}", self._dispatcher.send)

        def body(job: Job[ConvertResult]) -> ConvertResult:
            context = context_of(job, self._hooks, self.home)
            runner = self._runner(inline=inline)  # starts importing while the source is looked at
            job.on_cancel(lambda: runner.cancel(job.id))
            with awake():
                result = carry_out(job, planner, context, runner, self._sessions.make_room)
            with context.step("store", cancellable=False):  # the model is there by now
                self._models.remember(result, context)
            return result

        if inline:
            return self._runs.run(job, body)
        return self._runs.start(job, body, heavy=True)

    def get(self, ref: str, *, inline: bool = False) -> Job[LibraryEntry]:
        """Fetch a model that is MLX already, and put it into the library; returns at once with the running job.

        Its files stay where its source keeps them. A model that is none, or does not fit on the disk, fails the job.
        """
        from mlx_convert_core.base.addresses import without_secrets
        from mlx_convert_core.base.awake import awake
        from mlx_convert_core.converting import getting

        named = without_secrets(ref.strip())
        job: Job[LibraryEntry] = Job("get", f"Get {named}", self._dispatcher.send)

        def body(job: Job[LibraryEntry]) -> LibraryEntry:
            context = context_of(job, self._hooks, self.home)
            runner = self._runner(inline=inline)
            job.on_cancel(lambda: runner.cancel(job.id))
            with awake():
                folder = getting.carry_out(job, named, context, runner)
            with context.step("store", cancellable=False):
                return self._models.take_in(folder)

        if inline:
            return self._runs.run(job, body)
        return self._runs.start(job, body, heavy=False)

    def check_upload(self, request: UploadRequest) -> UploadRequest:
        """``request`` with its name filled in; raises what stands in the way, before anything moves."""
        from mlx_convert_core.converting.uploads import checked

        return checked(request, self.upload_targets())

    def preview_upload(self, request: UploadRequest) -> str:
        """The model card that ``request`` would send, in Markdown; "" when none is sent."""
        from mlx_convert_core.converting.uploads import target_of

        return target_of(request, self.upload_targets()).preview(request)

    def upload(
        self, model: str | Path, to: str, *, public: bool = False, replace: bool = False, inline: bool = False
    ) -> Job[UploadResult]:
        """Send a converted model (a folder, or a name in the library) to ``target:name``, private unless ``public``.

        Raises InvalidRequest for a target that nobody offers; everything later fails the job.
        """
        from mlx_convert_core.base.awake import awake
        from mlx_convert_core.converting.uploads import checked, target_of
        from mlx_convert_core.model.requests import UploadRequest
        from mlx_convert_core.model.results import UploadResult

        request = UploadRequest.to(self.model_path(model), to, public=public, replace=replace)
        targets = self.upload_targets()
        target_of(request, targets)
        title = f"Upload {model_name(request.path)} to {request.target}:{request.name}"
        job: Job[UploadResult] = Job("upload", title, self._dispatcher.send)

        def body(job: Job[UploadResult]) -> UploadResult:
            with context_of(job, self._hooks, self.home).step("resolve"):
                ready = checked(request, targets)
            runner = self._runner(inline=inline)
            job.on_cancel(lambda: runner.cancel(job.id))
            try:
                with awake():
                    return runner.run(job.id, "upload", ready, UploadResult, job.emit)
            finally:
                runner.close()

        if inline:
            return self._runs.run(job, body)
        return self._runs.start(job, body, heavy=False)

    def leftovers(self) -> tuple[Leftover, ...]:
        """What killed programs left beside models and in the home folder; nobody works on any of it."""
        from mlx_convert_core.home.left_behind import left_behind

        try:
            entries = self.library.entries()
        except MlxConvertError:  # said elsewhere
            entries = ()
        return left_behind(self.home, self.settings, entries, self.queue)

    def close(self) -> None:
        """Cancel what runs, end all workers and deliver the last events."""
        if self._queue is not None:
            self._queue.stop()
        self._runs.close()
        self._sessions.close()
        self._dispatcher.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # How

    def _follow_up(self, kind: FollowKind, path: Path, then: Afterwards) -> Job[Any]:
        """The job of something that is to be done with a result of the queue."""
        if kind == "upload":
            return self.upload(path, f"{then.upload}:", public=then.public)
        return self.measure(path)

    def _planner(self, request: ConvertRequest) -> Planner:
        from mlx_convert_core.converting.planning import Planner

        return Planner(request, self.presets, self.settings.load(), self._hooks)
