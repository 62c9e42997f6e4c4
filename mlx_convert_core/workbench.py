"""The part of a workspace that loads models: to answer, to compare them, to measure them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlx_convert_core.answering.open_sessions import Sessions, answer_once
from mlx_convert_core.base.identity import same_place
from mlx_convert_core.inventory import Inventory
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.plugins.dispatch import EventDispatcher
from mlx_convert_core.running.jobs import Job, JobQueue, context_of

if TYPE_CHECKING:  # every command has a workbench: what a method needs is imported when it is called
    from mlx_convert_core.answering.compare import Comparison
    from mlx_convert_core.answering.model_session import ModelSession
    from mlx_convert_core.measuring.agreement import AgreementResult
    from mlx_convert_core.model.answer_settings import AnswerSettings
    from mlx_convert_core.model.measurements import BenchRequest, BenchResult, MeasureRequest, MeasureResult
    from mlx_convert_core.model.requests import GenerateRequest
    from mlx_convert_core.model.results import GenerateResult
    from mlx_convert_core.running.process import TaskRunner


class Workbench(Inventory):
    """What is done with models that are there, on top of what there is (see `Inventory`)."""

    def __init__(
        self, home: Path | None, plugins: Iterable[ModuleType | object], free_memory: Callable[[], int]
    ) -> None:
        super().__init__(home, plugins)
        self._runs = JobQueue()
        self._dispatcher = EventDispatcher(self._hooks)
        self._sessions = Sessions(self._dispatcher.send, free_memory)

    @property
    def jobs(self) -> tuple[Job[Any], ...]:
        """The jobs of this workspace but those that ended long ago; answers belong to their session."""
        return self._runs.jobs

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

    def _runner(self, *, inline: bool) -> TaskRunner:
        from mlx_convert_core.running.process import InlineRunner, WorkerProcess

        if not inline:
            return WorkerProcess(self._plugins, self.home)
        from mlx_convert_core.measuring.tasks import TASKS

        return InlineRunner(TASKS, self._plugins, self.home)
