"""The streaming converter: any library's model classes, one layer at a time, a few slices in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from pathlib import Path
from typing import Any, Self

from mlx_convert_core.plugin import (
    Calibration,
    Checkpoint,
    Choice,
    DecodedModel,
    Finding,
    MeasuredStrategy,
    ModelInfo,
    Needs,
    OutputPlan,
    Planned,
    QuantizeMethod,
    QuantizeStrategy,
    Reporter,
    Written,
    file_names,
)
from mlx_convert_engine.blueprint import Blueprint
from mlx_convert_engine.budgets import SEQUENCES, Choosing, Exactly, Strategies, asking, bounded
from mlx_convert_engine.calibrating import Text, Wanted, calibration_of, inputs_of, memory_of_reading
from mlx_convert_engine.choosing import Found, measured
from mlx_convert_engine.choosing import Wanted as Measured
from mlx_convert_engine.discard_order import bytes_at_once
from mlx_convert_engine.discarding_conversion import discarding
from mlx_convert_engine.forward.blocks import Load
from mlx_convert_engine.kept_inputs import KeptInputs
from mlx_convert_engine.loaded import Loaded, loaded
from mlx_convert_engine.memory import conversion_memory, device_memory, few_spare_buffers
from mlx_convert_engine.model_classes import ModelClasses
from mlx_convert_engine.not_finite import findings
from mlx_convert_engine.output_files import resumable_writer, write_config, write_index
from mlx_convert_engine.proof import Proof
from mlx_convert_engine.room_here import room_for
from mlx_convert_engine.running_source import RunningSource
from mlx_convert_engine.source_files import SourceFiles
from mlx_convert_engine.source_model import check_runs, made_of, readable, undecoded
from mlx_convert_engine.stand_in import alone
from mlx_convert_engine.streaming_conversion import Flow, streaming
from mlx_convert_engine.tuning.findings import by_random, not_by_rows, not_known
from mlx_convert_engine.tuning.methods import Nearest
from mlx_convert_engine.tuning.rounding import Inputs, Rounding
from mlx_convert_engine.without_text import memory_of_samples
from mlx_convert_engine.writing_thread import WritingThread


class StreamingConverter:
    """Plans and converts by the model classes of ``classes``; a plugin's ModelConverter builds on it.

    With ``allow_overflow`` values that become infinite are counted and told; without it they refuse the conversion.
    """

    def __init__(self, classes: ModelClasses, *, allow_overflow: bool = False) -> None:
        self._classes = classes
        self._allow_overflow = allow_overflow
        self._methods: Mapping[str, QuantizeMethod] = {}
        self._inputs: dict[str, Inputs] = {}
        self._matrices: KeptInputs | None = None
        self._text: Path | None = None
        self._calibration: Calibration | None = None
        self._sequences: list[list[int]] = []
        self._unread: tuple[Finding, ...] = ()
        self._decoded: DecodedModel | None = None

    def decoding(self, source: DecodedModel) -> Self:
        """See DecodingConverter."""
        other = copy(self)
        other._decoded = source
        return other

    def rounding(self, methods: Mapping[str, QuantizeMethod], text: Path | None) -> Self:
        """See RoundingConverter."""
        other = copy(self)
        other._methods = methods
        other._inputs, other._matrices = {}, None
        other._text = text
        return other

    def calibrate(
        self, model: ModelInfo, checkpoint: Checkpoint, planned: Calibration, keep: Path, report: Reporter
    ) -> Calibration:
        """See RoundingConverter."""
        with self._running(model).opened(checkpoint, keep, report) as (folder, load):
            sequences, self._calibration = Text(self._text, planned).sequences(self._classes, folder, load, report)
            self._unread = by_random(self._calibration) if self._calibration != planned else ()
            matrices = any(method.needs == "matrix" for method in self._methods.values())
            made_from = repr((made_of(model), self._source(model).names, self._calibration, matrices))
            self._matrices = KeptInputs(keep)
            self._inputs = inputs_of(load, sequences, self._matrices, made_from, report, matrices=matrices)
        self._sequences = sequences
        return self._calibration

    def choose(
        self,
        model: ModelInfo,
        checkpoint: Checkpoint,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, MeasuredStrategy],
        keep: Path,
        report: Reporter,
    ) -> Mapping[str, Choice]:
        """See MeasuringConverter."""
        assert self._calibration is not None
        made_from = repr((made_of(model), self._source(model).names, self._calibration))
        with readable(self._source(model)) as empty:
            exactly = self._exactly(empty, self._source(model))
            choosing = Choosing(outputs, strategies, exactly, keep, made_from)
        roundings = {
            output.preset: rounding for output, rounding in zip(outputs, self._roundings(outputs), strict=True)
        }
        sequences = self._measuring_by()

        def measure(wanted: Sequence[Measured], scratch: Path) -> list[Found]:
            with self._running(model).opened(checkpoint, keep, report) as (_, load):
                return self._measured(load, sequences, wanted, scratch, report)

        return choosing.choices(measure, sum(map(len, sequences)), roundings)

    def _measuring_by(self) -> list[list[int]]:
        """The text that choices are measured by."""
        return self._sequences[:SEQUENCES]

    def _measured(
        self, load: Load, by: list[list[int]], wanted: Sequence[Measured], scratch: Path, report: Reporter
    ) -> list[Found]:
        """What each choice costs the outputs of ``wanted``."""
        return measured(load, by, wanted, scratch, report)

    def plan(self, model: ModelInfo, outputs: tuple[OutputPlan, ...], strategies: Strategies) -> Planned:
        """See MeasuringConverter; a remote source is planned over empty files with its real headers."""
        roundings = self._roundings(outputs)
        choosing = any(isinstance(strategy, MeasuredStrategy) for strategy in strategies.values())
        needs: list[Needs] = [method.needs for method in self._methods.values() if method.needs != "nothing"]
        needs += ["moments"] * (choosing and not needs)
        source = self._source(model)
        if needs and self._runs_as_stored:
            check_runs(source)
        with readable(source) as folder:
            found = self._blueprints(folder, outputs, asking(strategies, last=True), source, roundings)
            blueprints = found.blueprints
            largest = tuple(plan.planned(output) for plan, output in zip(blueprints, outputs, strict=True))
            shards = {tensor.shard for tensor in model.tensors}
            sizes = {file.name: file.size for file in model.files if file.name in shards}
            running = self._running(model) if needs else None
            wanted = self._wanted(running, model, needs, back=choosing) if running else None
            room = room_for(self._classes, folder, source.model)
            bounds, told = bounded(outputs, strategies, largest, self._exactly(folder, source), room)
            text = self._planned_text(model, wanted.tokens) if wanted else None
            unread = by_random(text) if text is not None and self._text is None else ()
            return Planned(
                outputs=bounds,
                peak_memory=conversion_memory(blueprints, source, wanted) + self._classes.memory,
                calibration=text,
                learned_bytes=wanted.disk + running.disk if wanted and running else 0,
                memory_limit=device_memory(),
                findings=(*found.findings, *told, *unread, *not_by_rows(roundings)),
                source_bytes=bytes_at_once(blueprints, sizes, model.fetch_window) if model.fetch_window else None,
            )

    def convert(
        self,
        model: ModelInfo,
        checkpoint: Checkpoint,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        folders: tuple[Path, ...],
        report: Reporter,
    ) -> tuple[Written, ...]:
        """See ModelConverter. What needs only one source tensor is converted as soon as that is there."""
        with ExitStack() as stack:
            stack.enter_context(few_spare_buffers())
            seen = self._source(model)
            writers = [
                stack.enter_context(resumable_writer(folder, model, output, self._calibration, seen.names))
                for folder, output in zip(folders, outputs, strict=True)
            ]
            files = SourceFiles(checkpoint, model.tensors, report.check_cancelled, seen.readers)
            source = stack.enter_context(files)
            writing = stack.enter_context(WritingThread(report, writers, allow_overflow=self._allow_overflow))

            planned = frozenset(tensor.name for output in outputs for tensor in output.tensors)

            def load(folder: Path) -> tuple[list[Blueprint], dict[str, Any]]:
                found = self._blueprints(folder, outputs, strategies, seen, roundings, planned)
                found.check_as_planned(outputs)
                return found.blueprints, found.config

            convert = discarding if checkpoint.discards else streaming
            roundings = self._roundings(outputs)
            proof = Proof(seen, source)
            config = convert(Flow(seen, checkpoint, writers, source, writing, report, proof), load)
        for folder, output in zip(folders, outputs, strict=True):
            write_index(folder, output)
            write_config(folder, config, output)
        return tuple(
            Written(
                digests=writer.digests,
                read=writer.read,
                findings=(*findings(writer.not_finite, writer.overflowed), *not_known(rounding), *self._unread),
            )
            for writer, rounding in zip(writers, roundings, strict=True)
        )

    @property
    def _runs_as_stored(self) -> bool:
        """Whether only what MLX loads as it is stored can be learned from."""
        return False

    @contextmanager
    def runnable(self, model: ModelInfo, checkpoint: Checkpoint, place: Path, report: Reporter) -> Iterator[Path]:
        """See RunnableConverter."""
        with self._running(model).copy(checkpoint, place, report) as copy:
            alone(copy)
            yield copy

    def _running(self, model: ModelInfo) -> RunningSource:
        return RunningSource(self._classes, self._source(model))

    def _wanted(self, running: RunningSource, model: ModelInfo, needs: list[Needs], *, back: bool) -> Wanted:
        """What `calibrate` takes."""
        with running.planned() as load:
            whole = memory_of_samples(self._classes, load) if str(self._text) == "samples" else 0
            vocabularies = model.matching(*file_names.TOKENIZER_FILES)
            reading = memory_of_reading(max((file.size for file in vocabularies), default=0))
            return Wanted.of(load, needs, back=back, whole=max(whole, reading))

    def _planned_text(self, model: ModelInfo, tokens: int) -> Calibration:
        """Without any file of a tokenizer nothing can read a text."""
        return calibration_of(self._text, tokens, readable=bool(model.matching(*file_names.TOKENIZER_FILES)))

    def _source(self, model: ModelInfo) -> DecodedModel:
        return self._decoded or undecoded(model)

    def _exactly(self, folder: Path, source: DecodedModel) -> Exactly:
        """What plans outputs of the checkpoint in ``folder``, besides those that are to be made."""

        def exactly(
            outputs: tuple[OutputPlan, ...], strategies: Mapping[str, QuantizeStrategy]
        ) -> tuple[OutputPlan, ...]:
            roundings = tuple(Rounding() for _ in outputs)
            plans = self._blueprints(folder, outputs, strategies, source, roundings).blueprints
            return tuple(plan.planned(output) for plan, output in zip(plans, outputs, strict=True))

        return exactly

    def _roundings(self, outputs: tuple[OutputPlan, ...]) -> tuple[Rounding, ...]:
        """How each output is rounded, by what `calibrate` has learned."""
        return tuple(
            Rounding(self._methods.get(output.preset, Nearest()), self._inputs, self._matrices) for output in outputs
        )

    def _blueprints(
        self,
        folder: Path,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        source: DecodedModel,
        roundings: tuple[Rounding, ...],
        planned: frozenset[str] | None = None,
    ) -> Loaded:
        """The blueprint of each output, by a model that is loaded for them alone."""
        load = self._classes.load
        return loaded(load(folder, source.model, planned), self._classes, source, outputs, strategies, roundings)
