"""The one object that every frontend drives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from mlx_convert_core.answering.open_sessions import Sessions, answer_once
from mlx_convert_core.base.identity import same_place
from mlx_convert_core.base.memory import free_memory
from mlx_convert_core.errors import MlxConvertError
from mlx_convert_core.inventory import Inventory
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.plugins.dispatch import EventDispatcher
from mlx_convert_core.running.jobs import Job, JobQueue, context_of

if TYPE_CHECKING:  # every command has a workspace: what a method needs is imported when it is called
    from mlx_convert_core.answering.compare import Comparison
    from mlx_convert_core.answering.model_session import ModelSession
    from mlx_convert_core.converting.planning import Planner
    from mlx_convert_core.home.conversion_queue import ConversionQueue
    from mlx_convert_core.measuring.agreement import AgreementResult
    from mlx_convert_core.model.answer_settings import AnswerSettings
    from mlx_convert_core.model.inspection import ModelInfo
    from mlx_convert_core.model.library import LibraryEntry
    from mlx_convert_core.model.measurements import BenchRequest, BenchResult, MeasureRequest, MeasureResult
    from mlx_convert_core.model.plan import ConvertPlan
    from mlx_convert_core.model.requests import (
        ConvertRequest,
        ConvertResult,
        GenerateRequest,
        GenerateResult,
        UploadRequest,
        UploadResult,
    )
    from mlx_convert_core.running.process import TaskRunner
    from mlx_convert_core.writing.leftovers import Leftover


class Workspace(Inventory):
    """Plugins, settings, library (see `Inventory`) and jobs under one roof.

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
        super().__init__(home, plugins)
        self._runs = JobQueue()
        self._dispatcher = EventDispatcher(self._hooks)
        self._sessions = Sessions(self._dispatcher.send, free_memory)
        self._queue: ConversionQueue | None = None
        self._queued = threading.Lock()

    @property
    def jobs(self) -> tuple[Job[Any], ...]:
        """The jobs of this workspace but those that ended long ago; answers belong to their session."""
        return self._runs.jobs

    @property
    def queue(self) -> ConversionQueue:
        """The conversions that are lined up; the same for all threads."""
        from mlx_convert_core.home.conversion_queue import ConversionQueue

        with self._queued:
            if self._queue is None:
                self._queue = ConversionQueue(self.home, self.convert)
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
        plan = planner.estimate(model or self.inspect(planner.ref, request.revision))
        if not exact or plan.errors:
            return plan
        runner = self._runner(inline=False)
        try:
            planned = runner.run("plan", "plan", plan, ConvertPlan, self._dispatcher.send)
        finally:
            runner.close()
        return planner.finish(planned, plan.model)

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

    def open(
        self,
        model: str | Path,
        *,
        trust_remote_code: bool = False,
        context: int = 0,
        anyway: bool = False,
        inline: bool = False,
    ) -> ModelSession:
        """Load a converted model (a folder, or a name in the library) and keep it ready to answer.

        Python code that comes with the model runs only with ``trust_remote_code``. A model that takes more memory than
        the machine lends, with a conversation of ``context`` tokens (4,096 at least), is loaded only ``anyway``.
        """
        from mlx_convert_core.answering.model_session import Terms
        from mlx_convert_core.model.fit import CONTEXT

        terms = Terms(trust_remote_code=trust_remote_code, context=max(CONTEXT, context), anyway=anyway)
        return self._sessions.open(self.model_path(model), lambda: self._runner(inline=inline), terms)

    def generate(
        self, model: str | Path, request: GenerateRequest, *, trust_remote_code: bool = False, anyway: bool = False
    ) -> Job[GenerateResult]:
        """Load a model, answer once and let go of it; see `open`."""
        path = self.model_path(model)
        job: Job[GenerateResult] = Job("generate", f"Answer with {model_name(path)}", self._dispatcher.send)

        def body(job: Job[GenerateResult]) -> GenerateResult:
            return answer_once(opened(), request, job)

        def opened() -> ModelSession:
            return self.open(path, trust_remote_code=trust_remote_code, context=request.context, anyway=anyway)

        return self._runs.start(job, body, heavy=True)

    def compare(
        self,
        models: Sequence[str | Path],
        request: GenerateRequest,
        *,
        trusted: Iterable[Path] = (),
        anyway: Iterable[Path] = (),
    ) -> Comparison:
        """Put the same question, with the same seed, to two to four models; returns at once.

        Code that comes with a model runs only if its folder is among ``trusted``, and one that does not fit into
        memory is loaded only if it is among ``anyway``; see `open`.
        Raises InvalidRequest, and what `model_path` raises; a model that fails later does not stop the others.
        """
        from mlx_convert_core.answering.compare import Comparison

        paths = tuple(self.model_path(model) for model in models)
        comparison = Comparison(paths, request, self._dispatcher.send)
        allowed, insisted = tuple(trusted), tuple(anyway)

        def opened(path: Path) -> ModelSession:
            return self.open(
                path,
                trust_remote_code=any(same_place(path, other) for other in allowed),
                context=request.context,
                anyway=any(same_place(path, other) for other in insisted),
            )

        self._runs.start(comparison.job, lambda job: comparison.run(self._sessions, opened), heavy=True)
        return comparison

    def agreement(
        self,
        models: Sequence[str | Path],
        prompts: Sequence[str],
        settings: AnswerSettings | None = None,
        *,
        trust_remote_code: bool = False,
        anyway: bool = False,
    ) -> Job[AgreementResult]:
        """How often several models give the answers of the first one, over ``prompts``; see `open`.

        Without ``settings`` the likeliest word is always taken. Models are loaded in turn. Raises InvalidRequest, and
        as `model_path`; a model that fails later fails the job.
        """
        from mlx_convert_core.measuring.agreement import agreement, check_models, requests_of

        paths = [self.model_path(model) for model in models]
        check_models(paths)
        asked = requests_of(prompts, settings)
        title = f"Compare {len(paths)} models over {len(prompts):,} prompts"
        job: Job[AgreementResult] = Job("agreement", title, self._dispatcher.send)

        def opened(path: Path) -> ModelSession:
            longest = max(request.context for request in asked)
            return self.open(path, trust_remote_code=trust_remote_code, context=longest, anyway=anyway)

        def body(job: Job[AgreementResult]) -> AgreementResult:
            return agreement(job, paths, asked, context_of(job, self._hooks, self.home), opened)

        return self._runs.start(job, body, heavy=True)

    def measure(
        self, model: str | Path, request: MeasureRequest | None = None, *, inline: bool = False
    ) -> Job[MeasureResult]:
        """Measure how close a converted model (a folder, or a name in the library) is to what it was made from.

        The figures are kept with the model. Raises as `model_path`; everything later fails the job.
        """
        from mlx_convert_core.measuring import job as measuring
        from mlx_convert_core.model.measurements import MeasureRequest

        path = self.model_path(model)
        asked = request or MeasureRequest()
        job: Job[MeasureResult] = Job("measure", f"Measure {model_name(path)}", self._dispatcher.send)

        def body(job: Job[MeasureResult]) -> MeasureResult:
            context = context_of(job, self._hooks, self.home)
            runner = self._runner(inline=inline)
            job.on_cancel(lambda: runner.cancel(job.id))
            return measuring.carry_out(
                job, path, asked, context, runner, lambda: self.library, self._sessions.make_room
            )

        if inline:
            return self._runs.run(job, body)
        return self._runs.start(job, body, heavy=True)

    def bench(self, model: str | Path, request: BenchRequest | None = None) -> Job[BenchResult]:
        """Measure how fast a converted model (a folder, or a name in the library) is on this machine.

        The figures are kept with the model. Raises as `model_path`; everything later fails the job.
        """
        from mlx_convert_core.measuring import job as measuring
        from mlx_convert_core.model.measurements import BenchRequest

        path, asked = self.model_path(model), request or BenchRequest()
        job: Job[BenchResult] = Job("bench", f"Time {model_name(path)}", self._dispatcher.send)

        def opened() -> ModelSession:
            longest = max(asked.prompts) * 2 + asked.answer
            return self.open(path, trust_remote_code=asked.trust_remote_code, context=longest, anyway=asked.anyway)

        def body(job: Job[BenchResult]) -> BenchResult:
            context = context_of(job, self._hooks, self.home)
            return measuring.time_answers(job, path, asked, context, opened, lambda: self.library)

        return self._runs.start(job, body, heavy=True)

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
        from mlx_convert_core.model.requests import UploadRequest, UploadResult

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

    def _planner(self, request: ConvertRequest) -> Planner:
        from mlx_convert_core.converting.planning import Planner

        return Planner(request, self.presets, self.settings.load(), self._hooks)

    def _runner(self, *, inline: bool) -> TaskRunner:
        from mlx_convert_core.running.process import InlineRunner, WorkerProcess

        if not inline:
            return WorkerProcess(self._plugins, self.home)
        from mlx_convert_core.measuring.tasks import TASKS

        return InlineRunner(TASKS, self._plugins, self.home)
