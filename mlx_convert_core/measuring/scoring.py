"""Measuring a model's quality, step by step, in the worker: the source first, then the model, then both heads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from mlx_convert_core.base.memory import peak_memory
from mlx_convert_core.errors import MeasuringFailed
from mlx_convert_core.measuring.answers import measure_answers
from mlx_convert_core.measuring.figures import Tally
from mlx_convert_core.measuring.reading import PIECE_BYTES, MeasureTask, Reader, Reading, split_of, words_of
from mlx_convert_core.measuring.runners import scoring_runner, splitting
from mlx_convert_core.measuring.texts import hash_of, sequences_of, text_named
from mlx_convert_core.measuring.verdict import verdict
from mlx_convert_core.model.fingerprint import fingerprint
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.measurements import MeasureResult
from mlx_convert_core.plugins.scoring import Metric, TokenScores, pieces
from mlx_convert_core.remedies import RunCommand
from mlx_convert_core.running.context import JobContext


def measure(asked: MeasureTask, context: JobContext) -> MeasureResult:
    """Measure a model. Raises MeasuringFailed, InvalidRequest, and what loading a model raises."""
    if asked.request.tasks:
        return measure_answers(asked, context)
    began = time.monotonic()
    metrics = _metrics(context)
    text = text_named(asked.request.text, context.hooks)
    trusted = asked.request.trust_remote_code
    with context.step("load"), splitting(asked.path, context, trusted=trusted) as tokenize:
        sequences = sequences_of(text, tokenize, asked.request.tokens)
        split = split_of(text.passages, tokenize)
    runner = scoring_runner(asked.path, context, trusted=trusted)
    try:
        reader = Reader(asked, context, sequences)
        with reader.source(split) as source:
            own = reader.read(runner, asked.path, step="score")
            with context.step("measure"):
                tally = _compared(own, source, sequences, metrics, context)
    finally:
        runner.close()
    figures = tally.figures()
    told, reason = verdict(figures)
    return MeasureResult(
        path=asked.path,
        name=model_name(asked.path),
        against=asked.source.repo_id or asked.source.name if asked.source else "",
        text=text.name,
        text_hash=hash_of(sequences),
        tokens=sum(len(ids) - 1 for ids in sequences),
        sequences=len(sequences),
        figures=figures,
        verdict=told,
        reason=reason,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        weights=fingerprint(asked.path),
        seconds=time.monotonic() - began,
        peak_memory=peak_memory(),
        reused=source.reused if source is not None else False,
    )


def _metrics(context: JobContext) -> tuple[Metric, ...]:
    """The figures of all plugins. Raises MeasuringFailed (code ``no_metrics``) when there are none."""
    found = tuple(context.hooks.register("register_metrics").values())
    if not found:
        raise MeasuringFailed(
            "no plugin offers a figure to measure.",
            hint="The built-in ones are those of mlx_convert_quality: look at the plugins that were loaded.",
            remedies=(RunCommand("plugins list"),),
            code="no_metrics",
        )
    return found


def _compared(
    own: Reading,
    source: Reading | None,
    sequences: Sequence[Sequence[int]],
    metrics: Sequence[Metric],
    context: JobContext,
) -> Tally:
    """Every metric over every token, a piece at a time."""
    words = words_of(own, source)
    tally = Tally(metrics, context.hooks, len(sequences), compared=source is not None)
    rows, done, total = max(1, PIECE_BYTES // (4 * words)), 0, sum(len(ids) - 1 for ids in sequences)
    for number, ids in enumerate(sequences):
        for start, stop in pieces(len(ids), rows):
            context.check_cancelled()
            scores = TokenScores(
                tokens=ids[start + 1 : stop + 1],
                log_probs=own.head.log_probabilities(own.states[number].rows(start, stop)),
            )
            if source is not None:
                theirs = source.head.log_probabilities(source.states[number].rows(start, stop))
                scores = replace(scores, reference=theirs)
            tally.add(number, scores)
            done += stop - start
            context.progress("measure", done, total, "tokens")
    return tally
