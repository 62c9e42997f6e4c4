"""The one object that every frontend drives."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import platformdirs

from mlx_convert_core.checkpoint import CONFIG, ModelInfo
from mlx_convert_core.context import JobContext
from mlx_convert_core.dispatch import EventDispatcher
from mlx_convert_core.errors import (
    Cancelled,
    EntryNotFound,
    InvalidRequest,
    MlxConvertError,
    PluginNotLoaded,
    RepoNotFound,
)
from mlx_convert_core.hooks import Hooks
from mlx_convert_core.interfaces import Command, LibraryStore, ModelSource, UploadTarget
from mlx_convert_core.jobs import Job, JobQueue, context_of
from mlx_convert_core.library import LibraryEntry, entry_of, scan
from mlx_convert_core.memory import free_memory
from mlx_convert_core.plan import ConvertPlan
from mlx_convert_core.planning import Planner
from mlx_convert_core.plugins import LoadedPlugin, PluginFailure, PluginSet, discover
from mlx_convert_core.preflight import refuse
from mlx_convert_core.process import InlineRunner, TaskRunner, WorkerProcess
from mlx_convert_core.quantization import Preset
from mlx_convert_core.removal import delete_folder
from mlx_convert_core.requests import (
    ConvertRequest,
    ConvertResult,
    GenerateRequest,
    GenerateResult,
    UploadRequest,
    UploadResult,
)
from mlx_convert_core.session import ModelSession
from mlx_convert_core.settings import SettingsFile
from mlx_convert_core.staging import discard, staging_root
from mlx_convert_core.uploads import target_of, upload_targets

HOME_VARIABLE = "MLX_CONVERT_HOME"


class Workspace:
    """Plugins, settings, library and jobs under one roof.

    ``home`` holds the settings and the library (default: the platform's place for user data, or
    ``MLX_CONVERT_HOME``). ``plugins`` are modules or objects with hooks, besides those that are installed.
    """

    def __init__(self, home: Path | None = None, plugins: Iterable[ModuleType | object] = ()) -> None:
        self.home = home or default_home()
        self._plugins = PluginSet(discover(self.home), plugins)
        self._hooks = Hooks(self._plugins)
        self._queue = JobQueue()
        self._dispatcher = EventDispatcher(self._hooks)
        self._sessions: list[ModelSession] = []
        self._store: LibraryStore | None = None
        self.settings = SettingsFile(self.home)
        self.presets: dict[str, Preset] = self._hooks.register("register_presets", Preset)

    # What is there

    @property
    def plugins(self) -> tuple[LoadedPlugin, ...]:
        """The plugins in use, in the order in which their hooks are called."""
        return tuple(self._plugins.loaded)

    @property
    def plugin_failures(self) -> tuple[PluginFailure, ...]:
        """Plugins and items that are not used, and why."""
        return tuple(self._plugins.failures)

    @property
    def jobs(self) -> tuple[Job[Any], ...]:
        """Every job of this workspace, oldest first; answers belong to their session."""
        return self._queue.jobs

    def commands(self) -> dict[str, Command]:
        """The commands that plugins add to the CLI."""
        return self._hooks.register("register_commands", Command)

    def upload_targets(self) -> dict[str, UploadTarget]:
        """The places that a model can be sent to."""
        return upload_targets(self._hooks)

    # Look before you leap

    def inspect(self, ref: str, revision: str | None = None) -> ModelInfo:
        """Describe the model at ``ref`` from config.json and headers; reads no weight.

        Raises SourceError and its kinds.
        """
        return self._source(ref, revision).inspect()

    def plan(self, request: ConvertRequest, *, exact: bool = True) -> ConvertPlan:
        """What ``request`` will do: sizes, findings, memory. Error findings are in the plan, not raised.

        ``exact`` asks a worker for sizes equal to the byte; otherwise they are estimated at once.
        """
        planner = self._planner(request)
        plan = planner.estimate(self.inspect(planner.ref, request.revision))
        if not exact or plan.errors:
            return plan
        runner = self._runner(inline=False)
        try:
            planned = runner.run("plan", "plan", plan, ConvertPlan, self._dispatcher.send)
        finally:
            runner.close()
        return planner.finish(planned)

    # Do

    def convert(self, request: ConvertRequest, *, inline: bool = False) -> Job[ConvertResult]:
        """Convert a model; returns at once with the running job, or, ``inline``, with the finished one.

        Raises InvalidRequest for an unknown preset; everything later fails the job.
        """
        planner = self._planner(request)
        job: Job[ConvertResult] = Job("convert", f"Convert {planner.ref}", self._dispatcher.send)

        def body(job: Job[ConvertResult]) -> ConvertResult:
            return self._convert(job, planner, inline=inline)

        if inline:
            job.run(body)
            return job
        return self._queue.start(job, body, heavy=True)

    def open(self, model: str | Path, *, inline: bool = False) -> ModelSession:
        """Load a converted model (a folder, or a name in the library) and keep it ready to answer."""
        path = self.model_path(model)
        size = sum(file.stat().st_size for file in path.glob("*.safetensors"))
        self._make_room(size)
        session = ModelSession(path, self._runner(inline=inline), self._dispatcher.send)
        self._sessions.append(session)
        return session

    def generate(self, model: str | Path, request: GenerateRequest) -> Job[GenerateResult]:
        """Load a model, answer once and let go of it."""
        session = self.open(model)
        job: Job[GenerateResult] = Job("generate", f"Answer with {session.path.name}", self._dispatcher.send)

        def body(job: Job[GenerateResult]) -> GenerateResult:
            answer = session.generate(request)
            job.on_cancel(session.loading.cancel)
            job.on_cancel(answer.cancel)
            with session:
                for source in (session.loading, answer):
                    _relay(source, job)
                    source.result()
                return answer.result()

        return self._queue.start(job, body, heavy=True)

    def check_upload(self, request: UploadRequest) -> UploadRequest:
        """``request`` with its name filled in; raises what stands in the way, before anything moves."""
        return target_of(request, self.upload_targets()).check(request)

    def upload(
        self, model: str | Path, to: str, *, public: bool = False, replace: bool = False, inline: bool = False
    ) -> Job[UploadResult]:
        """Send a converted model (a folder, or a name in the library) to ``target:name``, private unless ``public``.

        Raises InvalidRequest for a target that nobody offers; everything later fails the job.
        """
        request = UploadRequest.to(self.model_path(model), to, public=public, replace=replace)
        target = target_of(request, self.upload_targets())
        job: Job[UploadResult] = Job("upload", f"Upload {request.path.name} to {to}", self._dispatcher.send)

        def body(job: Job[UploadResult]) -> UploadResult:
            with context_of(job, self._hooks, self.home).step("resolve"):
                checked = target.check(request)
            runner = self._runner(inline=inline)
            job.on_cancel(lambda: runner.cancel(job.id))
            try:
                return runner.run(job.id, "upload", checked, UploadResult, job.emit)
            finally:
                runner.close()

        if inline:
            job.run(body)
            return job
        return self._queue.start(job, body, heavy=False)

    # The library

    @property
    def library(self) -> LibraryStore:
        """The list of converted models; raises PluginNotLoaded when no plugin keeps one."""
        if self._store is None:
            self._store = self._hooks.first("library_store", home=self.home)
        if self._store is None:
            raise PluginNotLoaded(
                "no plugin keeps a library.", hint="Install or enable one; the built-in is mlx_convert_library."
            )
        return self._store

    @property
    def library_problem(self) -> str:
        """What the library had to mend or leave out, "" when all is well; ask after reading `library`."""
        return str(getattr(self.library, "problem", ""))

    def find(self, name: str | Path) -> LibraryEntry:
        """The library entry with this name or path; raises EntryNotFound."""
        entries = self.library.entries()
        resolved = Path(name).resolve()
        found = [entry for entry in entries if entry.name == str(name) or entry.path == resolved]
        if found:
            return found[0]
        raise EntryNotFound(
            f"'{name}' is not in the library.",
            hint="See `mlx-convert library list`, or add folders with `mlx-convert library scan FOLDER`.",
        )

    def scan(self, folder: Path) -> tuple[LibraryEntry, ...]:
        """Add every MLX folder at or below ``folder`` to the library; the entries that were found."""
        if not folder.is_dir():
            raise RepoNotFound(f"there is no folder {folder}.", hint="Check the path.", code="no_folder")
        found = tuple(scan(folder))
        for entry in found:
            self.library.add(entry)
        return found

    def remove(self, entry: LibraryEntry, *, keep_files: bool = False) -> None:
        """Forget ``entry`` and, unless ``keep_files`` or it has vanished, delete its folder. Raises LibraryError."""
        entries = self.library.entries()
        if entry.path not in {known.path for known in entries}:
            raise EntryNotFound(f"{entry.path} is not in the library.", hint="See `mlx-convert library list`.")
        if not keep_files and os.path.lexists(entry.path):
            delete_folder(entry, entries)
        self.library.remove(entry.path)

    def model_path(self, model: str | Path) -> Path:
        """The folder of a converted model: a path, or a name in the library."""
        path = Path(model).expanduser()
        if (path / CONFIG).is_file():
            return path.resolve()
        if path.exists() or isinstance(model, Path) or "/" in str(model):
            raise RepoNotFound(
                f"{model} is no converted model: there is no {CONFIG} in it.",
                hint="Give the folder of a converted model, or a name from `mlx-convert library list`.",
                code="no_model",
            )
        entry = self.find(model)
        if entry.missing:
            raise EntryNotFound(
                f"the folder of '{entry.name}' has vanished: {entry.path}.",
                hint=f"Convert it again, or forget it: mlx-convert library remove {entry.name}",
                code="entry_missing",
            )
        return entry.path

    def close(self) -> None:
        """Cancel what runs, end all workers and deliver the last events."""
        self._queue.close()
        for session in self._sessions:
            session.close()
        self._dispatcher.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # How

    def _convert(self, job: Job[ConvertResult], planner: Planner, *, inline: bool) -> ConvertResult:
        context = context_of(job, self._hooks, self.home)
        runner = self._runner(inline=inline)  # starts importing while the source is looked at
        job.on_cancel(lambda: runner.cancel(job.id))
        plan: ConvertPlan | None = None
        try:
            with context.step("resolve"):
                source = self._source(planner.ref, planner.request.revision)
            with context.step("inspect"):
                model = source.inspect()
            with context.step("plan"):
                plan = planner.estimate(model)
                refuse(plan)
                plan = planner.finish(runner.run(job.id, "plan", plan, ConvertPlan, job.emit))
                refuse(plan)
            self._make_room(plan.peak_memory)
            result = runner.run(job.id, "convert", plan, ConvertResult, job.emit)
        except Cancelled:
            runner.close()  # before its staging folders go, in case it still writes
            for output in plan.outputs if plan else ():
                discard(staging_root(output.path, job.id), output.path)
            raise
        finally:
            runner.close()
        with context.step("store"):
            self._remember(result, context)
        return result

    def _remember(self, result: ConvertResult, context: JobContext) -> None:
        """Add what was published to the library; a library at fault does not undo the conversion."""
        try:
            for model in result.models:
                entry = entry_of(model.path)
                if entry is not None:
                    self.library.add(replace(entry, bits_per_weight=model.bits_per_weight))
        except MlxConvertError as error:
            context.message(f"the library was not updated: {error.message} {error.hint}", "warning")

    def _planner(self, request: ConvertRequest) -> Planner:
        return Planner(request, self.presets, self.settings.load(), self._hooks)

    def _source(self, ref: str, revision: str | None) -> ModelSource:
        source: ModelSource | None = self._hooks.first("model_source", ref=ref, revision=revision)
        if source is None:
            raise InvalidRequest(
                f"'{ref}' is neither a folder, a file nor a repo id.",
                hint="Give a folder, a .gguf file, or a repo id such as Qwen/Qwen2.5-0.5B-Instruct.",
                code="bad_id",
            )
        return source

    def _runner(self, *, inline: bool) -> TaskRunner:
        return (InlineRunner if inline else WorkerProcess)(self._plugins, self.home)

    def _make_room(self, needed: int) -> None:
        """End idle sessions, the oldest first, while ``needed`` bytes are not free."""
        self._sessions = [session for session in self._sessions if not session.closed]
        for session in self._sessions:
            if free_memory() > needed:
                return
            if not session.busy:
                session.close()


def default_home() -> Path:
    """``MLX_CONVERT_HOME``, or the platform's place for user data."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("mlx-convert", appauthor=False))


def _relay(source: Job[Any], target: Job[Any]) -> None:
    """Pass on what ``source`` tells, but for its start and its end."""
    import msgspec

    from mlx_convert_core.events import FINAL, JobStarted

    for event in source.events():
        if not isinstance(event, (*FINAL, JobStarted)):
            target.emit(msgspec.structs.replace(event, job=target.id))
