"""Measuring a model's quality, step by step, in the worker: the source first, then the model, then both heads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mlx_convert_core.base.memory import peak_memory
from mlx_convert_core.converting.memory_guard import BESIDE_WEIGHTS, refuse_memory
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.errors import MeasuringFailed
from mlx_convert_core.measuring.figures import Tally
from mlx_convert_core.measuring.references import References, key_of
from mlx_convert_core.measuring.runners import scoring_runner
from mlx_convert_core.measuring.texts import Text, hash_of, sequences_of, text_named
from mlx_convert_core.measuring.verdict import verdict
from mlx_convert_core.model.events import Step
from mlx_convert_core.model.fingerprint import fingerprint
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.measurements import MeasureRequest, MeasureResult
from mlx_convert_core.plugins.scoring import HiddenStates, Metric, ScoringHead, ScoringRunner, TokenScores, pieces
from mlx_convert_core.remedies import RunCommand
from mlx_convert_core.running.context import JobContext

PIECE_BYTES = 64_000_000  # of log-probabilities at once; there are two of them, and what a metric makes of each


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureTask:
    """Measure the model in ``path`` as ``request`` says, against ``source``, None when that is gone."""

    path: Path
    request: MeasureRequest
    source: ModelInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What a model made of a text: the states of each sequence, and the head that they go into."""

    states: Sequence[HiddenStates]
    head: ScoringHead
    reused: bool = False


def measure(asked: MeasureTask, context: JobContext) -> MeasureResult:
    """Measure a model. Raises MeasuringFailed, InvalidRequest, and what loading a model raises."""
    began = time.monotonic()
    metrics = _metrics(context)
    text = text_named(asked.request.text, context.hooks)
    runner = scoring_runner(asked.path, context, trusted=asked.request.trust_remote_code)
    try:
        with context.step("load"):
            sequences = sequences_of(text, runner.tokens, asked.request.tokens)
        with _source(asked, runner, text, sequences, context) as source:
            own = _read(asked, runner, asked.path, sequences, context, step="score")
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
    found = tuple(context.hooks.register("register_metrics", Metric).values())
    if not found:
        raise MeasuringFailed(
            "no plugin offers a figure to measure.",
            hint="The built-in ones are those of mlx_convert_quality: look at the plugins that were loaded.",
            remedies=(RunCommand("plugins list"),),
            code="no_metrics",
        )
    return found


@contextmanager
def _source(
    asked: MeasureTask, model: ScoringRunner, text: Text, sequences: Sequence[Sequence[int]], context: JobContext
) -> Iterator[_Read | None]:
    """What the source makes of the text, from what was kept or computed now; None without a source."""
    if asked.source is None:
        yield None
        return
    with _fetched(asked.source, context) as folder:
        runner = scoring_runner(folder, context, trusted=asked.request.trust_remote_code)
        try:
            _check_tokens(asked.source, model, runner, text)
            kept, key = References(context.home), key_of(asked.source, hash_of(sequences))
            states = kept.read(key)
            if states is not None:
                yield _Read(states=states, head=runner.head(), reused=True)
                return
            read = _read(asked, runner, folder, sequences, context, step="reference")
            kept.keep(key, read.states)
            yield read
        finally:
            runner.close()


@contextmanager
def _fetched(model: ModelInfo, context: JobContext) -> Iterator[Path]:
    """The checkpoint of a source, which may have to be fetched, or rebuilt beside what is kept in the home folder."""
    source = Sources(context.hooks).of(model.ref, model.revision)
    with References(context.home).scratch() as scratch:
        with context.step("fetch"):
            folder = source.fetch(model, scratch, context)
        yield folder


def _read(
    asked: MeasureTask,
    runner: ScoringRunner,
    folder: Path,
    sequences: Sequence[Sequence[int]],
    context: JobContext,
    *,
    step: Step,
) -> _Read:
    """Run a model over the text as ``step``, once its memory is known to be there."""
    with context.step(step):
        need = runner.scoring_memory([len(ids) for ids in sequences])
        total = need.weights + need.cache + BESIDE_WEIGHTS
        refuse_memory(folder, total, need.limit, context, anyway=asked.request.anyway)
        states = list(runner.hidden_states(sequences, context, step=step))
    return _Read(states=states, head=runner.head())


def _check_tokens(source: ModelInfo, model: ScoringRunner, of_source: ScoringRunner, text: Text) -> None:
    """Raise MeasuringFailed (code ``other_tokenizer``) where the two do not split text alike.

    Turns of a chat are left out: a model's template may have been mended.
    """
    plain = [passage for passage in text.passages if not passage.turns]
    if model.tokens(plain) != of_source.tokens(plain):
        raise MeasuringFailed(
            f"{source.name} splits the text into other tokens than this model: it is not what the model was made from.",
            hint="Name the model that this one was made from.",
            code="other_tokenizer",
        )


def _compared(
    own: _Read,
    source: _Read | None,
    sequences: Sequence[Sequence[int]],
    metrics: Sequence[Metric],
    context: JobContext,
) -> Tally:
    """Every metric over every token, a piece at a time."""
    words = _check_words(own, source)
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


def _check_words(own: _Read, source: _Read | None) -> int:
    """How many words both know. Raises MeasuringFailed (code ``other_vocabulary``)."""
    words, theirs = (_words(one) if one is not None else 0 for one in (own, source))
    if source is not None and theirs != words:
        raise MeasuringFailed(
            f"the source knows {theirs:,} words, this model {words:,}: it is not what the model was made from.",
            hint="Name the model that this one was made from.",
            code="other_vocabulary",
        )
    return words


def _words(read: _Read) -> int:
    return int(read.head.log_probabilities(read.states[0].rows(0, 1)).shape[-1])
