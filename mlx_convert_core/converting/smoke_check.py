"""One converted model, loaded by the runner that answers use, and asked by every check.

What that may cost is bounded: a model is loaded only where it fits into memory and is read in seconds, and an answer
ends after `SECONDS`.
"""

from __future__ import annotations

import gc
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_convert_core.base.file_names import CONFIG
from mlx_convert_core.converting.memory_guard import too_large_to_try
from mlx_convert_core.errors import Cancelled, ErrorInfo
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.events import Step, Unit
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.model.verification import Verification
from mlx_convert_core.plugins.checks import ModelCheck, TimeIsUp, TriedModel, Verdict
from mlx_convert_core.plugins.interfaces import ModelRunner
from mlx_convert_core.running.context import JobContext

SECONDS = 10.0  # that an answer of a check may take; it ends at the next token. Two busy cores need most of it


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """Try the model in ``folder``, the only output of ``plan``, which was made from the checkpoint in ``source``."""

    plan: ConvertPlan
    folder: Path
    source: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of trying a model: None when that was not asked for."""

    verification: Verification | None = None
    findings: tuple[Finding, ...] = ()


def try_model(asked: TrialRequest, context: JobContext) -> Tried:
    """Load a model and have every check look at it. Never raises for what is wrong with it."""
    checks = context.hooks.registered("register_checks")
    compiles, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # not of the model's own code, in its folder
    try:
        return _Trial(asked, context).run(checks)
    finally:
        sys.dont_write_bytecode = compiles
        gc.collect()  # the next one needs the memory


def planned_fact(plan: ConvertPlan) -> str:
    """What the check of its tensors has shown of the only output of ``plan``."""
    count = len(plan.outputs[0].tensors)
    return f"{count:,} of {count:,} tensors as planned"


def broke(error: BaseException, what: str, plan: ConvertPlan) -> Finding:
    """The finding for an ``error`` while a model was loaded or asked; what the plan has said already is a note."""
    told = ErrorInfo.of(error)
    ours = told.code != "unexpected"
    return Finding(
        code="verify_failed",
        level="info" if told.code in {finding.code for finding in plan.findings} else "warning",
        message=f"{plan.outputs[0].label}: the written model was tried, and {what}: {told.message}",
        hint=told.hint if ours else "It is published as it is, without a mark. Ask it something before you rely on it.",
        remedies=told.remedies if ours else (),
    )


class _Trial:
    """One model that is tried; lets go of it, whatever happens."""

    def __init__(self, asked: TrialRequest, context: JobContext) -> None:
        self._plan = asked.plan
        self._folder = asked.folder
        self._source = asked.source
        self._context = context
        self._facts = [planned_fact(asked.plan)]
        self._findings: list[Finding] = []

    def run(self, checks: dict[str, tuple[ModelCheck, str]]) -> Tried:
        """Load the model, and ask ``checks``."""
        skipped = self._run(checks)
        passed = not skipped and not self._findings
        verification = Verification(passed=passed, facts=tuple(self._facts), skipped=skipped)
        return Tried(verification=verification, findings=tuple(self._findings))

    def _run(self, checks: dict[str, tuple[ModelCheck, str]]) -> str:
        runner: ModelRunner | None = None
        try:
            runner = self._runner()
            if runner is None:
                return "no plugin can run it"
            if skipped := too_large_to_try(runner, self._folder, self._plan.outputs[0].parameters):
                return skipped
            runner.load(_Quiet(self._context))
            self._facts.append("loads")
            for check, plugin in checks.values():
                verdict = self._verdict(check, plugin, runner)
                self._facts += verdict.facts
                self._findings += verdict.findings
        except (Cancelled, KeyboardInterrupt):
            raise
        except MemoryError:
            return "the memory ran out"
        except BaseException as error:  # also what ends the program, and a panic of native code
            self._findings.append(broke(error, "it can't be loaded", self._plan))
        finally:
            if runner is not None:
                with suppress(Exception):
                    runner.close()
        return ""

    def _runner(self) -> ModelRunner | None:
        config = read_config(self._folder / CONFIG)
        trusted = self._plan.request.trust_remote_code
        runner: ModelRunner | None = self._context.hooks.first(
            "model_runner", path=self._folder, config=config, trust_remote_code=trusted
        )
        return runner

    def _verdict(self, check: ModelCheck, plugin: str, runner: ModelRunner) -> Verdict:
        """What ``check`` says; an error in it stays alone, and the next check is asked."""
        report = _Quiet(self._context, time.monotonic() + SECONDS)
        model = TriedModel(plan=self._plan, folder=self._folder, source=self._source, runner=runner, report=report)
        try:
            verdict = check.check(model) or Verdict()
            if not isinstance(verdict, Verdict):
                raise TypeError(f"gave a {type(verdict).__name__}, not a Verdict")
            return verdict
        except (Cancelled, KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:
            told = broke(error, f"the check '{check.name}' of {plugin} broke off", self._plan)
            return Verdict(findings=(told,))


class _Quiet:
    """Tells nobody of a trial's tokens, and ends an answer after ``deadline``. Implements Reporter."""

    def __init__(self, context: JobContext, deadline: float = float("inf")) -> None:
        self._context = context
        self._deadline = deadline

    def progress(self, step: Step, done: int, total: int, unit: Unit = "bytes", *, found: int = 0) -> None:
        """See Reporter."""

    def message(self, text: str, level: Any = "info") -> None:
        """See Reporter."""
        self._context.message(text, "debug")

    def token(self, text: str) -> None:
        """See Reporter."""
        self.check_cancelled()

    def check_cancelled(self) -> None:
        """See Reporter; raises TimeIsUp, too."""
        self._context.check_cancelled()
        if time.monotonic() > self._deadline:
            raise TimeIsUp
