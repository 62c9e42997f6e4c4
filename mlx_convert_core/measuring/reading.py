"""What a model makes of sequences of tokens, and what its source does; the two are never in memory together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlx_convert_core.base.file_names import PICKLES
from mlx_convert_core.converting.decoding import decoded_source
from mlx_convert_core.converting.getting import is_mlx
from mlx_convert_core.converting.memory_guard import refuse_memory
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.errors import MeasuringFailed, UnsupportedModel
from mlx_convert_core.measuring.references import References, key_of
from mlx_convert_core.measuring.runners import scoring_runner, splitting
from mlx_convert_core.measuring.texts import Tokenize, hash_of
from mlx_convert_core.model.checkpoint import Checkpoint
from mlx_convert_core.model.events import Step, Unit
from mlx_convert_core.model.fit import BESIDE_WEIGHTS
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.measurements import MeasureRequest, Passage
from mlx_convert_core.model.packing import packed_tensors
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.plugins.decoding import RunnableConverter
from mlx_convert_core.plugins.scoring import HiddenStates, ScoringHead, ScoringRunner
from mlx_convert_core.running.context import JobContext

PIECE_BYTES = 64_000_000  # of log-probabilities at once; there are two of them, and what a metric makes of each


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureTask:
    """Measure the model in ``path`` as ``request`` says, against ``source``, None when that is gone."""

    path: Path
    request: MeasureRequest
    source: ModelInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a model made of sequences: the states of each, and the head that they go into."""

    states: Sequence[HiddenStates]
    head: ScoringHead
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """Passages, and the token ids of each as one model splits them."""

    passages: tuple[Passage, ...]
    tokens: list[list[int]]


def split_of(passages: Sequence[Passage], tokenize: Tokenize) -> Split:
    """How a model splits ``passages``; the turns of a chat are left out, as its template may have been mended."""
    plain = tuple(passage for passage in passages if not passage.turns)
    return Split(plain, tokenize(plain))


@dataclass(frozen=True, slots=True)
class Reader:
    """Has models read ``sequences`` of token ids, for a task and as part of its job.

    Kept are the states from the token numbered in ``firsts`` on, of each sequence; of all tokens without. All sequences
    pass together, or so many as ``at_once`` says: the model's weights are then read again for the next ones.
    """

    asked: MeasureTask
    context: JobContext
    sequences: Sequence[Sequence[int]]
    firsts: Sequence[int] = field(default=())
    at_once: int = 0

    @contextmanager
    def source(self, model: Split) -> Iterator[Reading | None]:
        """What the source makes of them, from what was kept or computed now; None without a source.

        Raises MeasuringFailed (code ``other_tokenizer``) where it does not split text as the ``model`` does.
        """
        if self.asked.source is None:
            yield None
            return
        with self._fetched(self.asked.source) as folder:
            trusted = self.asked.request.trust_remote_code
            with splitting(folder, self.context, trusted=trusted) as tokenize:
                _check_tokens(self.asked.source, model, tokenize)
            runner = scoring_runner(folder, self.context, trusted=trusted)
            try:
                firsts = [list(self.firsts)] if self.firsts else []
                kept, key = (
                    References(self.context.home),
                    key_of(self.asked.source, hash_of([*self.sequences, *firsts])),
                )
                states = kept.read(key)
                if states is not None:
                    yield Reading(states=states, head=runner.head(), reused=True)
                    return
                read = self.read(runner, folder, step="reference")
                kept.keep(key, read.states)
                yield read
            finally:
                runner.close()

    def read(self, runner: ScoringRunner, folder: Path, *, step: Step) -> Reading:
        """What the model of ``runner`` makes of them, as ``step``, once its memory is known to be there."""
        groups = self._groups()
        with self.context.step(step):
            needs = [runner.scoring_memory([len(ids) for ids in group]) for group in groups]
            need = max(needs, key=lambda one: one.weights + one.cache)
            total = need.weights + need.cache + BESIDE_WEIGHTS
            refuse_memory(folder, total, need.limit, self.context, anyway=self.asked.request.anyway)
            states: list[HiddenStates] = []
            for group in groups:
                before = sum(map(len, self.sequences[: len(states)]))
                report = _Part(self.context, before, sum(map(len, group)), sum(map(len, self.sequences)))
                for found in runner.hidden_states(group, report, step=step):
                    states.append(self._wanted(found, len(states)))
        return Reading(states=states, head=runner.head())

    def _groups(self) -> list[Sequence[Sequence[int]]]:
        each = self.at_once or len(self.sequences)
        return [self.sequences[at : at + each] for at in range(0, len(self.sequences), each)]

    def _wanted(self, states: HiddenStates, number: int) -> HiddenStates:
        if not self.firsts:
            return states
        part = states.rows(self.firsts[number], states.tokens)
        return HiddenStates(dtype=part.dtype, width=part.width, data=bytes(part.data))

    @contextmanager
    def _fetched(self, model: ModelInfo) -> Iterator[Path]:
        """The checkpoint of a source, which may have to be fetched, or rebuilt beside what is kept in the home."""
        source = Sources(self.context.hooks).of(model.ref, model.revision)
        with References(self.context.home).scratch() as scratch:
            with self.context.step("fetch"), ExitStack() as stack:
                folder = source.fetch(model, scratch, self.context)
                folder = stack.enter_context(self._decoded(model, folder, scratch))
                copied = stack.pop_all()
            with copied:
                yield folder

    @contextmanager
    def _decoded(self, model: ModelInfo, folder: Path, scratch: Path) -> Iterator[Path]:
        """The checkpoint in ``folder`` as a model class can load it: what other tools have packed as its decoders show
        it. What MLX has packed, it runs; and a source that is no folder was rebuilt already."""
        request = ConvertRequest(ref=model.ref, trust_remote_code=self.asked.request.trust_remote_code)
        stored = is_mlx(model) or (model.path is not None and not model.path.is_dir())
        shown = None if stored else decoded_source(model, request, self.context.hooks)
        if shown is not None and not shown.decoders and packed_tensors(model.tensors) and not self._runs(folder):
            request = replace(request, dequantize=True)
            shown = decoded_source(model, request, self.context.hooks)
        if shown is None or not (shown.decoders or any(name.endswith(PICKLES) for name in model.shards)):
            yield folder
            return
        converter = self.context.hooks.first("model_converter", model=model, request=request)
        if isinstance(converter, RunnableConverter):
            reading = converter.decoding(shown)
            assert isinstance(reading, RunnableConverter)
            with reading.runnable(model, Checkpoint(folder), scratch / "decoded", self.context) as copy:
                yield copy
            return
        yield folder

    def _runs(self, folder: Path) -> bool:
        """Whether the model class of the checkpoint in ``folder`` takes its packed tensors; no weight is read."""
        runner = scoring_runner(folder, self.context, trusted=self.asked.request.trust_remote_code)
        try:
            runner.scoring_memory([1])
        except UnsupportedModel:
            return False
        finally:
            runner.close()
        return True


def words_of(own: Reading, source: Reading | None) -> int:
    """How many words both know. Raises MeasuringFailed (code ``other_vocabulary``)."""
    words, theirs = (_words(one) if one is not None else 0 for one in (own, source))
    if source is not None and theirs != words:
        raise MeasuringFailed(
            f"the source knows {theirs:,} words, this model {words:,}: it is not what the model was made from.",
            hint="Name the model that this one was made from.",
            code="other_vocabulary",
        )
    return words


class _Part:
    """Tells the progress of one group of sequences as that of all; a Reporter."""

    def __init__(self, context: JobContext, before: int, own: int, total: int) -> None:
        self._before, self._own, self._total = before, own, total  # in tokens
        self._context = context
        self.message, self.token, self.check_cancelled = context.message, context.token, context.check_cancelled

    def progress(self, step: Step, done: int, total: int, unit: Unit = "bytes", *, found: int = 0) -> None:
        """See Reporter."""
        each = total / self._own  # a runner may count a token once for each block
        self._context.progress(step, round(self._before * each) + done, round(self._total * each), unit, found=found)


def _check_tokens(source: ModelInfo, model: Split, of_source: Tokenize) -> None:
    """Raise MeasuringFailed (code ``other_tokenizer``) where the two do not split text alike."""
    if split_of(model.passages, of_source) != model:
        raise MeasuringFailed(
            f"{source.name} splits the text into other tokens than this model: it is not what the model was made from.",
            hint="Name the model that this one was made from.",
            code="other_tokenizer",
        )


def _words(read: Reading) -> int:
    return int(read.head.log_probabilities(read.states[0].rows(0, 1)).shape[-1])
