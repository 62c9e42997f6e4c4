"""What the layers of a model compute with: the statistics that a method of rounding goes by, from a text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import (
    Calibration,
    InvalidRequest,
    MlxConvertError,
    Needs,
    Reporter,
    SetOption,
    give_back_memory,
    read_regular,
)
from mlx_convert_engine.forward.standing import NotAlone, Standing
from mlx_convert_engine.kept_inputs import KeptInputs
from mlx_convert_engine.model_classes import LazyModel, ModelClasses
from mlx_convert_engine.texts import Tokenizer, unfit
from mlx_convert_engine.tuning.rounding import TOKENS_EACH, Inputs
from mlx_convert_engine.without_text import random_ones, samples_of

if TYPE_CHECKING:
    from mlx_convert_engine.forward.statistics import InputStatistics
    from mlx_convert_engine.forward.streamed import StreamedModel

TOKENS = 2048  # mean squares of inputs have settled long before; experts want some of their own
MATRIX_TOKENS = 16_384  # products of inputs take more to say something of other texts, also where layers are narrow
LENGTH = 512  # of a sequence
LEAST_TOKENS = 256
SEED = 0
VOCABULARY_TIMES = 48  # of its file, that a tokenizer takes while it is loaded (measured: 40 for 1.5 MB, 46 for 16 MB)
TRANSFORMERS_MEMORY = 45_000_000  # of what loads it (measured: 39 MB)
RANDOM, SAMPLED = "random tokens", "what the model says by itself"
# What an embedding that is the output head, too, gives as an embedding: each column of a row that is looked up counts
# as much as the mean column of the head.
LOOKED_UP = 1.0
_Load = Callable[[], LazyModel]


def calibration_of(text: Path | None, tokens: int = TOKENS, *, readable: bool = True) -> Calibration:
    """The calibration by so many ``tokens`` of the file ``text``, or of the bundled text; by what is no text where
    ``text`` says so, or where nothing can read the bundled one.

    Raises InvalidRequest (code ``calibration``) for a file that can't be read, or is no text.
    """
    from mlx_convert_engine.texts import CALIBRATION_SHA256, FILE_BYTES, VERSION, own_text

    kind = "random" if text is None and not readable else str(text)
    if kind == "random":
        return Calibration(origin=RANDOM, sha256="", tokens=tokens, seed=SEED, kind="random")
    if kind == "samples":
        return Calibration(origin=SAMPLED, sha256="", tokens=tokens, seed=SEED, kind="samples")
    if text is None:
        return Calibration(origin=f"bundled text {VERSION}", sha256=CALIBRATION_SHA256, tokens=tokens, seed=SEED)
    own_text(text)
    digest = hashlib.sha256(read_regular(text, FILE_BYTES, within=None)).hexdigest()
    return Calibration(origin=text.name, sha256=digest, tokens=tokens, seed=SEED)


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a conversion: the file of one's own, or None, and what was planned of it."""

    file: Path | None
    planned: Calibration

    def sequences(
        self, classes: ModelClasses, folder: Path, load: _Load, report: Reporter
    ) -> tuple[list[list[int]], Calibration]:
        """Tokens for the model in ``folder``, which ``load`` gives, and what they are of: as planned, or random ones
        where nothing can read the bundled text. Raises InvalidRequest (code ``calibration``)."""
        if self.planned.kind == "random":
            return random_ones(load, self.planned.tokens, SEED), self.planned
        if self.planned.kind == "samples":
            return samples_of(classes, load, self.planned, report), self.planned
        try:
            return self._read(classes, folder), self.planned
        except InvalidRequest as error:
            if error.code != "calibration_unreadable" or self.file is not None:
                raise
            report.message(f"{error.message} It goes by random tokens instead.", "warning")
            planned = calibration_of(None, self.planned.tokens, readable=False)
            return random_ones(load, planned.tokens, SEED), planned

    def _read(self, classes: ModelClasses, folder: Path) -> list[list[int]]:
        """The tokens of the text by the tokenizer in ``folder``."""
        planned = self.planned
        if calibration_of(self.file, planned.tokens) != planned:
            raise unfit(f"{planned.origin} has changed since the conversion was planned.", "Run it again.")
        found = _read_by(classes.tokenizer(folder), planned, self.file)
        give_back_memory()  # what a tokenizer takes of its vocabulary: the model would come on top of it
        if sum(map(len, found)) >= LEAST_TOKENS:
            return found
        if self.file is None:
            raise _unreadable("the model's tokenizer makes nothing of text.")
        raise unfit(
            f"{planned.origin} has {sum(map(len, found)):,} tokens, and {LEAST_TOKENS} are needed to learn anything"
            " from.",
            "Give a longer text, or leave it to the bundled one.",
        )


def _read_by(tokenizer: Tokenizer | None, planned: Calibration, file: Path | None) -> list[list[int]]:
    """A tokenizer is a program of strangers: it may fail by whatever error it likes."""
    from mlx_convert_engine.texts import calibration_tokens

    if tokenizer is None:
        raise _unreadable("there is no tokenizer beside the weights, so no text can be put through the model.")
    try:
        return calibration_tokens(tokenizer, planned.tokens, planned.seed, LENGTH, file)
    except (MlxConvertError, MemoryError):
        raise
    except Exception as error:
        raise _unreadable(f"the model's tokenizer can't read text ({type(error).__name__}: {error}).") from error


def memory_of_reading(vocabulary: int) -> int:
    """Bytes that the tokenizer takes whose vocabulary is a file of so many bytes, while it is loaded; 0 without one."""
    return TRANSFORMERS_MEMORY + VOCABULARY_TIMES * vocabulary if vocabulary else 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many ``tokens`` methods want to learn from, and the bytes that it takes at most besides the interpreter:
    ``memory`` for `inputs_of`, ``rounding`` for going by what that has learned, beside what any rounding takes. And the
    ``disk`` that matrices take."""

    tokens: int = TOKENS
    memory: int = 0
    rounding: int = 0
    disk: int = 0

    @staticmethod
    def of(load: _Load, needs: Iterable[Needs], *, back: bool = False, whole: int = 0) -> Wanted:
        """What methods with these ``needs`` want of a model; with ``back`` also a pass back through it. Before that it
        takes ``whole`` bytes."""
        from mlx_convert_engine.forward.matrices import disk_of, memory_of, memory_of_rounding, widest
        from mlx_convert_engine.forward.streamed import StreamedModel

        model = StreamedModel(load)
        if "matrix" not in needs:
            memory = max(whole, model.peak_memory(_lengths(TOKENS), back=back))
            return Wanted(TOKENS, memory, disk=_answers(model, TOKENS))
        tokens = max(MATRIX_TOKENS, TOKENS_EACH * widest(model))
        memory = model.peak_memory(_lengths(tokens), back=back) + memory_of(model)
        return Wanted(tokens, max(whole, memory), memory_of_rounding(model), disk_of(model) + _answers(model, tokens))


def _answers(model: StreamedModel, tokens: int) -> int:
    """Bytes of what a block answers, before those of the last one go."""
    widths = [layer.weight.shape[-1] for layer in model.layers_outside.values()]
    return 2 * 4 * max(widths, default=0) * tokens


def _lengths(tokens: int) -> list[int]:
    return [LENGTH] * -(-tokens // LENGTH)


def inputs_of(
    load: _Load, sequences: list[list[int]], keep: KeptInputs, made_from: str, report: Reporter, *, matrices: bool
) -> dict[str, Inputs]:
    """What comes through each layer, by its path: kept in ``keep``, and made once for what it is ``made_from``."""
    known = keep.inputs(made_from)
    if known is not None:
        return known
    begun = keep.begun(made_from)
    try:
        return _learned(load, sequences, keep, made_from, report, begun, matrices=matrices)
    except NotAlone:
        return _learned(load, sequences, keep, made_from, report, ({}, 0, []), matrices=matrices)


def _learned(
    load: _Load,
    sequences: list[list[int]],
    keep: KeptInputs,
    made_from: str,
    report: Reporter,
    begun: tuple[dict[str, Inputs], int, list[Any]],
    *,
    matrices: bool,
) -> dict[str, Inputs]:
    """What comes through each layer, from the block on that was ``begun`` with."""
    from mlx_convert_engine.forward.statistics import collect
    from mlx_convert_engine.forward.streamed import StreamedModel

    found, blocks, answered = begun
    standing = Standing(blocks=blocks, answered=answered)
    tokens = sum(map(len, sequences))
    wants = (lambda path, inputs: True) if matrices else None
    passing = collect(StreamedModel(load), sequences, report, step="calibrate", wants_full=wants, standing=standing)
    for number, block in enumerate(passing, blocks):
        places = keep.save(number, {path: _matrices(layer) for path, layer in block.layers.items() if layer.full})
        learned = {path: _inputs(layer, tokens, places.get(path, "")) for path, layer in block.layers.items()}
        keep.block(number, made_from, learned, standing.answered if block.path else ())
        found |= learned
        del block  # with its matrices, before those of the next come
    keep.done(made_from, found)
    return found


def _inputs(layer: InputStatistics, tokens: int, place: str) -> Inputs:
    """Of an embedding that is only looked up, every column counts the same."""
    import mlx.core as mx

    moments: Any = layer.second_moments
    about = {
        "tokens": min(tokens, layer.tokens),  # a matrix is of one call, if a block is called several times
        "place": place,
        "columns": max((one.shape[-1] for one in layer.full), default=0),
        "apart": _apart(layer),
        "unseen": layer.expert_tokens.count(0),
    }
    if moments is None:
        return Inputs(None, **about)
    moments = moments.reshape(-1, moments.shape[-1])
    if layer.frequency is not None:
        moments = moments / mx.mean(moments) + LOOKED_UP
    mx.eval(moments)
    return Inputs(moments, **about)


def _matrices(layer: InputStatistics) -> tuple[Any, ...]:
    """The matrices that a layer is rounded by; those of a head that rows are looked up in, too, by both uses."""
    import mlx.core as mx

    if layer.frequency is None:
        return layer.full
    mean = mx.mean(layer.second_moments)
    return tuple(full / mean + LOOKED_UP * mx.eye(full.shape[-1]) for full in layer.full)


def _apart(layer: InputStatistics) -> str:
    """Why no matrix is made of a layer's inputs."""
    if layer.full:
        return ""
    if layer.frequency is not None:
        return "rows are looked up in it"
    return "each of its experts sees only some of the text" if layer.expert_tokens else "it lies outside of all blocks"


def _unreadable(message: str) -> InvalidRequest:
    return InvalidRequest(
        message,
        hint="Copy the tokenizer's files from the original model, go by random tokens, or round to nearest.",
        remedies=(SetOption("calibration", "random"), SetOption("method", "nearest")),
        code="calibration_unreadable",
    )
