"""What the layers of a model compute with: the statistics that a method of rounding goes by, from a text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import (
    Calibration,
    CorruptCheckpoint,
    InvalidRequest,
    LeaveOut,
    Reporter,
    SetOption,
    check_regular,
    read_regular,
)
from mlx_convert_engine.model_classes import LazyModel, ModelClasses
from mlx_convert_engine.tuning.rounding import Inputs

if TYPE_CHECKING:
    from mlx_convert_engine.forward.statistics import InputStatistics

TOKENS = 2048  # mean squares of inputs have settled long before; experts want some of their own
LENGTH = 512  # of a sequence
LEAST_TOKENS = 256
SEED = 0
KEPT = "inputs.safetensors"
# What an embedding that is the output head, too, gives as an embedding: each column of a row that is looked up counts
# as much as the mean column of the head.
LOOKED_UP = 1.0
_Load = Callable[[], LazyModel]


def calibration_of(text: Path | None) -> Calibration:
    """The calibration by the file ``text``, or by the bundled text.

    Raises InvalidRequest (code ``calibration``) for a file that can't be read, or is no text.
    """
    from mlx_convert_engine.texts import CALIBRATION_SHA256, FILE_BYTES, VERSION, own_text

    if text is None:
        return Calibration(origin=f"bundled text {VERSION}", sha256=CALIBRATION_SHA256, tokens=TOKENS, seed=SEED)
    own_text(text)
    digest = hashlib.sha256(read_regular(text, FILE_BYTES, within=None)).hexdigest()
    return Calibration(origin=text.name, sha256=digest, tokens=TOKENS, seed=SEED)


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a conversion: the file of one's own, or None, and what was planned of it."""

    file: Path | None
    planned: Calibration

    def sequences(self, classes: ModelClasses, folder: Path) -> list[list[int]]:
        """The tokens of the text by the tokenizer in ``folder``. Raises InvalidRequest (code ``calibration``)."""
        from mlx_convert_engine.texts import calibration_tokens

        if calibration_of(self.file) != self.planned:
            raise _unfit(f"{self.planned.origin} has changed since the conversion was planned.", "Run it again.")
        tokenizer = classes.tokenizer(folder)
        if tokenizer is None:
            raise InvalidRequest(
                "there is no tokenizer beside the weights, so no text can be put through the model.",
                hint="Copy the tokenizer's files from the original model, or round to nearest.",
                remedies=(SetOption("method", "nearest"),),
                code="calibration",
            )
        planned = self.planned
        found = calibration_tokens(tokenizer, planned.tokens, planned.seed, LENGTH, self.file)
        if sum(map(len, found)) < LEAST_TOKENS:
            raise _unfit(
                f"{self.planned.origin} has {sum(map(len, found)):,} tokens, and {LEAST_TOKENS} are needed to learn"
                " anything from.",
                "Give a longer text, or leave it to the bundled one.",
            )
        return found


def inputs_of(
    load: _Load, sequences: list[list[int]], keep: Path, made_from: str, report: Reporter
) -> dict[str, Inputs]:
    """What comes through each layer, by its path: kept in ``keep``, and made once for what it is ``made_from``."""
    from mlx_convert_engine.forward.statistics import collect
    from mlx_convert_engine.forward.streamed import StreamedModel

    known = _kept(keep, made_from)
    if known is not None:
        return known
    found: dict[str, Inputs] = {}
    for block in collect(StreamedModel(load), sequences, report, step="calibrate"):
        found |= {path: _inputs(layer) for path, layer in block.layers.items()}
    _keep(keep, made_from, found)
    return found


def calibrating_memory(load: _Load) -> int:
    """Bytes that `inputs_of` takes at most, besides the interpreter."""
    from mlx_convert_engine.forward.streamed import StreamedModel

    return StreamedModel(load).peak_memory([LENGTH] * (TOKENS // LENGTH))


def _inputs(layer: InputStatistics) -> Inputs:
    """Of an embedding that is only looked up, every column counts the same."""
    import mlx.core as mx

    moments: Any = layer.second_moments
    if moments is None:
        return Inputs(None)
    moments = moments.reshape(-1, moments.shape[-1])
    if layer.frequency is not None:
        moments = moments / mx.mean(moments) + LOOKED_UP
    mx.eval(moments)
    return Inputs(moments)


def _keep(folder: Path, made_from: str, inputs: dict[str, Inputs]) -> None:
    import mlx.core as mx

    folder.mkdir(exist_ok=True)
    unfinished = folder / f"unfinished-{KEPT}"
    arrays = {path: mx.array([]) if layer.moments is None else layer.moments for path, layer in inputs.items()}
    mx.save_safetensors(str(unfinished), arrays, metadata={"made_from": _digest(made_from)})
    unfinished.replace(folder / KEPT)


def _kept(folder: Path, made_from: str) -> dict[str, Inputs] | None:
    """What a conversion that died has kept, None when there is nothing of the same source and text."""
    import mlx.core as mx

    try:
        check_regular(folder / KEPT, within=folder)
        arrays, about = mx.load(str(folder / KEPT), return_metadata=True)
    except (OSError, ValueError, RuntimeError, CorruptCheckpoint):
        return None
    if about.get("made_from") != _digest(made_from):
        return None
    return {path: Inputs(array if array.size else None) for path, array in arrays.items()}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _unfit(message: str, hint: str) -> InvalidRequest:
    return InvalidRequest(message, hint=hint, remedies=(LeaveOut("calibration"),), code="calibration")
