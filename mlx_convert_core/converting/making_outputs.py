"""Making outputs by a plan: what strategies choose, quantizing, writing and checking; again where it has to be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mlx_convert_core.converting.adapting import copy_their_tokenizer
from mlx_convert_core.converting.additions import add_to
from mlx_convert_core.converting.proving import KL, Judge, Search
from mlx_convert_core.converting.strategies import proven_of, strategies_of, with_choices
from mlx_convert_core.model.checkpoint import Checkpoint
from mlx_convert_core.model.measurements import MeasureResult
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.plugins.model_converters import ModelConverter, Written
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.writing.check import FileDigest, check_output, refuse_errors
from mlx_convert_core.writing.sidecars import copy_sidecars
from mlx_convert_core.writing.staging import Staging, sync_tree


@dataclass(frozen=True, slots=True)
class Making:
    """Makes outputs by a plan from a checkpoint that is there, or arriving."""

    converter: ModelConverter
    checkpoint: Checkpoint
    stagings: list[Staging]
    context: JobContext

    def carry_out(self, plan: ConvertPlan, judge: Judge) -> tuple[ConvertPlan, list[Checked], MeasureResult | None]:
        """What was made by which plan; and how it was measured, if one promised to be close to its source."""
        promise = proven_of(plan, self.context.hooks)
        if promise is None:
            chosen = self._chosen(plan)
            return chosen, self._made(chosen), None
        folder = self.stagings[0].output
        search = Search(
            most=promise.divergence,
            choose=lambda expected: self._chosen(plan, expected),
            make=self._made,
            measure=lambda chosen: judge(folder, self._original(), chosen, self.context),
            begin_again=self.stagings[0].begin_again,
        )
        found = search.run()
        (output,) = found.plan.outputs
        assert output.chosen is not None
        told = replace(output.chosen, divergence=found.measured.figure(KL).value, tries=found.tries)
        outputs = (replace(output, chosen=told),)
        made = [replace(one, about=replace(one.about, outputs=outputs)) for one in found.made]
        return replace(found.plan, outputs=outputs), made, found.measured

    def _chosen(self, plan: ConvertPlan, expected: float | None = None) -> ConvertPlan:
        """``plan`` with what strategies that measure have chosen; most plans have none, and stay as they are."""
        if plan.calibration is None or not any(output.at_most for output in plan.outputs):
            return plan
        keep = self.stagings[0].statistics
        with self.context.step("calibrate"):
            return with_choices(plan, self.converter, self.checkpoint, keep, self.context, expected=expected)

    def _made(self, plan: ConvertPlan) -> list[Checked]:
        """Quantize, write and check, in place of what was made before."""
        context, folders = self.context, tuple(staging.output for staging in self.stagings)
        with context.step("quantize"), context.step("write"):
            strategies = strategies_of(plan, context.hooks)
            written = self.converter.convert(plan.model, self.checkpoint, plan.outputs, strategies, folders, context)
        original = self._original()
        with context.step("check"), _syncing(folders):
            checking = _Checking(context, sum(output.weight_bytes for output in plan.outputs))
            staged = map(_Staged, plan.outputs, folders, written)
            return [_checked(plan, one, original, checking, context) for one in staged]

    def _original(self) -> Path:
        return self.checkpoint.folder(self.context.check_cancelled)


@dataclass(frozen=True, slots=True)
class _Staged:
    """An output whose weights are written."""

    output: OutputPlan
    folder: Path
    written: Written


@dataclass(frozen=True, slots=True)
class Checked:
    """An output whose files are whole; ``about`` is its plan, with what was noticed so far."""

    about: ConvertPlan
    folder: Path
    files: dict[str, FileDigest]


def _checked(plan: ConvertPlan, staged: _Staged, original: Path, checking: _Checking, context: JobContext) -> Checked:
    """Add what belongs beside the weights, let plugins add theirs, check all of it."""
    output, folder = staged.output, staged.folder
    text, expected = output.text_only, plan.model.files
    copy_their_tokenizer(plan.model, folder)
    copy_sidecars(original, folder, code=plan.request.trust_remote_code, text_only=text, expected=expected)
    about = replace(plan, outputs=(output,), findings=(*plan.findings, *staged.written.findings))
    added = add_to(about, folder, context.hooks)
    refuse_errors((*staged.written.findings, *added.findings))
    written = staged.written
    files = check_output(output, folder, written.digests, checking.advance, written.read, added.culprits)
    return Checked(replace(about, findings=(*about.findings, *added.findings)), folder, files)


class _Checking:
    """Counts the bytes read back over all outputs."""

    def __init__(self, context: JobContext, total: int) -> None:
        self._context = context
        self._total = total
        self._done = 0

    def advance(self, nbytes: int) -> None:
        self._context.check_cancelled()
        self._done += nbytes
        if nbytes:
            self._context.progress("check", self._done, self._total)


@contextmanager
def _syncing(folders: tuple[Path, ...]) -> Iterator[None]:
    """Have the disk catch up while the body runs, so that publishing need not wait for it.

    Raises what the disk said: a system tells of bytes that it could not write once, and not again when asked later.
    """
    errors: list[OSError] = []

    def sync_all() -> None:
        try:
            for folder in folders:
                sync_tree(folder)
        except FileNotFoundError:
            pass  # cancelled meanwhile, and removed
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=sync_all, name="syncing", daemon=True)
    thread.start()
    yield
    thread.join()
    if errors:
        raise errors[0]
