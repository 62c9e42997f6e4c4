"""The conversion, step by step. `plan_exactly` and `convert` run in the worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from mlx_convert_core.base.memory import few_collections, peak_memory
from mlx_convert_core.base.regular_files import regular_files
from mlx_convert_core.converting.adapting import fetch_adapters, recorded
from mlx_convert_core.converting.decoding import decoded_source, with_decoders
from mlx_convert_core.converting.estimate import fetch_disk
from mlx_convert_core.converting.fetching import arriving
from mlx_convert_core.converting.making_outputs import Checked, Making
from mlx_convert_core.converting.methods import changed_text, with_methods
from mlx_convert_core.converting.proving import Judge
from mlx_convert_core.converting.small_files import examined_in_advance, examined_on_arrival
from mlx_convert_core.converting.smoke_check import Tried
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.converting.strategies import strategies_of
from mlx_convert_core.converting.verifying import try_models
from mlx_convert_core.errors import PluginNotLoaded
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.model.results import ConvertedModel, ConvertResult
from mlx_convert_core.model.rounding import Calibration
from mlx_convert_core.plugins.decoding import DecodingConverter
from mlx_convert_core.plugins.model_converters import ModelConverter, RoundingConverter
from mlx_convert_core.plugins.model_sources import InPlaceSource, ModelSource
from mlx_convert_core.remedies import RunCommand
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.writing.check import check_unchanged, refuse_errors
from mlx_convert_core.writing.record import record_figures, write_record
from mlx_convert_core.writing.replaceable import refuse_changed
from mlx_convert_core.writing.staging import Staging
from mlx_convert_core.writing.write_errors import explained


@few_collections()
def plan_exactly(plan: ConvertPlan, context: JobContext) -> ConvertPlan:
    """The same plan with every tensor of every output, by the real model class; reads no weight.

    The source's own tensors are left out: who asked knows them, and to decode 200,000 again would hold up its pages.
    """
    converter = _converter(plan, context)
    planned = converter.plan(plan.model, plan.outputs, strategies_of(plan, context.hooks))
    source = _source(plan, context)
    needed = fetch_disk(plan.model, plan.request, planned.source_bytes)
    if isinstance(source, InPlaceSource) and not _reads_in_place(converter, planned.calibration):
        needed = source.whole_bytes(plan.model)
    noticed = examined_in_advance(replace(plan, outputs=planned.outputs), source, context)
    return replace(
        plan,
        model=replace(plan.model, tensors=()),
        outputs=planned.outputs,
        peak_memory=planned.peak_memory,
        free_memory=min(plan.free_memory, planned.memory_limit or plan.free_memory),
        fetch_disk=needed,
        learned_disk=planned.learned_bytes,
        findings=(*plan.findings, *planned.findings, *changed_text(plan, planned.calibration), *noticed),
        calibration=planned.calibration,
    )


def convert(plan: ConvertPlan, context: JobContext, judge: Judge) -> ConvertResult:
    """Carry out an exact plan: fetch, quantize and write, check, try, publish. Raises the errors in errors.py.

    ``judge`` measures what has promised to be close to its source.
    """
    began = time.monotonic()
    converter = _converter(plan, context)
    with ExitStack() as stack:
        stagings = [
            stack.enter_context(Staging(output.path, context.job, resume=plan.request.resume))
            for output in plan.outputs
        ]
        stack.enter_context(_explained(stagings))
        folders = tuple(staging.output for staging in stagings)
        source = _source(plan, context)
        discard, in_place = plan.request.discard_source, _reads_in_place(converter, plan.calibration)
        fetching = arriving(source, plan.model, stagings[0].scratch, context, discard=discard, in_place=in_place)
        with fetching as checkpoint:
            fetch_adapters(plan.model, context)
            noticed = examined_on_arrival(plan, source, checkpoint, context)
            refuse_errors(noticed)
            plan = replace(plan, findings=(*plan.findings, *noticed))
            if plan.calibration is not None and isinstance(converter, RoundingConverter):
                with context.step("calibrate"):
                    keep = stagings[0].statistics
                    used = converter.calibrate(plan.model, checkpoint, plan.calibration, keep, context)
                    plan = replace(plan, calibration=used or plan.calibration)
            making = Making(converter, checkpoint, stagings, context)
            plan, checked, figures = making.carry_out(plan, judge)
            original = checkpoint.folder(context.check_cancelled)
        tried = try_models((one.about for one in checked), folders, original, context)
        completed = [_completed(plan, *pair) for pair in zip(checked, tried, strict=True)]
        if figures is not None:
            record_figures(folders[0], context.home, figures.group, figures.recorded())
        with context.step("publish"):
            for staging in stagings:
                staging.settle()
            context.check_cancelled()  # the last time: what is published is there
            for one in checked:
                check_unchanged(one.folder, one.files)
            _publish(stagings, plan)
    return ConvertResult(
        ref=plan.request.ref,
        models=tuple(completed),
        seconds=time.monotonic() - began,
        peak_memory=peak_memory(),
    )


def _reads_in_place(converter: ModelConverter, calibration: Calibration | None) -> bool:
    """Whether no whole checkpoint is needed: nobody runs the source, and the converter reads through decoders."""
    return calibration is None and isinstance(converter, DecodingConverter)


def _publish(stagings: list[Staging], plan: ConvertPlan) -> None:
    """Make all outputs visible, or none: what was published before one fails is taken back."""
    published: list[Staging] = []
    force = plan.request.force
    for output in plan.outputs if force else ():
        refuse_changed(output.path, output.replaces, plan.model.path)
    try:
        for staging in stagings:
            staging.publish(force=force)
            published.append(staging)
    except BaseException:
        for staging in published:
            staging.withdraw()
        raise


def _completed(plan: ConvertPlan, checked: Checked, tried: Tried) -> ConvertedModel:
    """Write the record of an output, and describe it; raises ConversionFailed for what a trial says is useless."""
    refuse_errors(tried.findings)
    (output,), folder = checked.about.outputs, checked.folder
    findings = (*checked.about.findings, *tried.findings)
    write_record(
        plan, output, folder, checked.files, findings, tried.verification, tuple(map(recorded, plan.model.adapters))
    )
    return ConvertedModel(
        path=output.path,
        preset=output.preset,
        label=output.label,
        weight_bytes=output.weight_bytes,
        total_bytes=sum(path.stat().st_size for path in regular_files(folder, below=True, hidden=True)),
        parameters=output.parameters,
        bits_per_weight=output.bits_per_weight,
        findings=findings,
        left_out=output.left_out,
        text_only=output.text_only,
        verification=tried.verification,
        chosen=output.chosen,
        layers=output.quantized if output.chosen else (),
    )


def _source(plan: ConvertPlan, context: JobContext) -> ModelSource:
    revision = plan.model.revision or plan.request.revision
    return Sources(context.hooks).of(plan.request.ref, revision)


def _converter(plan: ConvertPlan, context: JobContext) -> ModelConverter:
    converter: ModelConverter | None = context.hooks.first("model_converter", model=plan.model, request=plan.request)
    if converter is None or converter.name != plan.converter:
        raise PluginNotLoaded(
            f"the converter '{plan.converter}' is not there in the worker.",
            hint="Look at the plugins that were loaded.",
            remedies=(RunCommand("plugins list"),),
        )
    converter = with_decoders(converter, decoded_source(plan.model, plan.request, context.hooks))
    return with_methods(converter, plan, context.hooks)


@contextmanager
def _explained(stagings: list[Staging]) -> Iterator[None]:
    """Say in words about the outputs what the system refuses while they are made."""
    try:
        yield
    except Exception as error:
        for staging in stagings:
            told = explained(staging.target, staging.root, error)
            if told is not error:
                raise told from error
        raise
