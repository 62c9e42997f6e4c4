"""Text to run through a model, to see what the inputs of its layers are like. ORIGINS.md says where it is from."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

from mlx_convert_core.plugin import CorruptCheckpoint, InvalidRequest, LeaveOut, Remedy, read_regular

VERSION = "1"
CALIBRATION_SHA256 = "40318653c7ed7b1ca6070fe8f4d691a3ea09e049893629c872282b4cac0d6b34"
LENGTH = 512  # tokens of a sequence: as far as most layers' inputs depend on what came before
FILE_BYTES = 64_000_000  # of a text of one's own: far more than is ever used
_OTHER = "Give a plain text file, or leave it to the bundled text."
_BUNDLED = Path(__file__).with_name("calibration.jsonl")


class Tokenizer(Protocol):
    """What makes token ids of a text, as the model was trained on them."""

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``, with whatever the tokenizer puts before each text."""

    def chat(self, turns: Sequence[dict[str, str]]) -> list[int] | None:
        """The ids of a conversation (role, content) by the model's template; None where it has none for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationPassage:
    """A text of a ``kind`` (prose, code, other languages, chat), or a conversation's ``turns``."""

    kind: str = "own"
    text: str = ""
    turns: tuple[dict[str, str], ...] = ()


def calibration_text() -> tuple[CalibrationPassage, ...]:
    """The bundled text: some 68,000 tokens of four kinds."""
    return tuple(_passages(_BUNDLED.read_text(encoding="utf-8")))


def calibration_tokens(
    tokenizer: Tokenizer, count: int, seed: int, length: int = LENGTH, file: Path | None = None
) -> list[list[int]]:
    """At least ``count`` token ids in sequences of ``length``; fewer where the text has not so many.

    Kinds take turns, and ``seed`` decides which parts of each are taken: the same text, tokenizer and seed give the
    same ids. ``file`` is a text of one's own, or JSON lines with ``text`` or ``messages`` where its name ends in
    ``.jsonl``. Raises InvalidRequest (code ``calibration``) for one that can't be read.
    """
    by_kind: dict[str, list[CalibrationPassage]] = {}
    for passage in calibration_text() if file is None else own_text(file):
        by_kind.setdefault(passage.kind, []).append(passage)
    lead = tokenizer.encode("")
    numbers = random.Random(seed)
    kinds = [_windows(passages, tokenizer, lead, length, numbers) for passages in by_kind.values()]
    in_turn = chain.from_iterable(
        [windows[turn] for windows in kinds if turn < len(windows)] for turn in range(max(map(len, kinds), default=0))
    )
    taken: list[list[int]] = []
    for ids in in_turn:
        if sum(map(len, taken)) >= count:
            break
        taken.append(ids)
    return taken


def random_tokens(vocabulary: int, count: int, seed: int, length: int = LENGTH) -> list[list[int]]:
    """At least ``count`` random ids below ``vocabulary``, for a model without a tokenizer: the same for a seed."""
    numbers = random.Random(seed)
    return [[numbers.randrange(vocabulary) for _ in range(length)] for _ in range(-(-count // length))]


def own_text(file: Path) -> tuple[CalibrationPassage, ...]:
    """The passages of a person's file. Raises InvalidRequest (code ``calibration``)."""
    try:
        text = read_regular(file, FILE_BYTES, within=None).decode("utf-8-sig")
    except OSError as error:
        raise unfit(f"can't read {file}: {error.strerror}.", _OTHER) from None
    except CorruptCheckpoint as error:
        raise unfit(error.message, _OTHER) from None
    except UnicodeDecodeError:
        raise unfit(f"{file.name} is no text: it is not UTF-8.", _OTHER) from None
    if file.suffix.lower() != ".jsonl":
        return (CalibrationPassage(text=text),)
    try:
        return tuple(_passages(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise unfit(f"{file.name} is not JSON lines with text or messages ({error}).", _OTHER) from None


def _passages(lines: str) -> Iterator[CalibrationPassage]:
    """A passage a line; the kind is kept where it is said."""
    for line in filter(str.strip, lines.split("\n")):
        entry = json.loads(line)
        turns = entry.get("turns") or entry.get("messages") or ()
        yield CalibrationPassage(
            kind=str(entry.get("kind", "own")),
            text="" if turns else str(entry["text"]),
            turns=tuple({"role": str(turn["role"]), "content": str(turn["content"])} for turn in turns),
        )


def _windows(
    passages: list[CalibrationPassage], tokenizer: Tokenizer, lead: list[int], length: int, numbers: random.Random
) -> list[list[int]]:
    """The passages in some order, one after the other, cut into sequences that each begin as a text begins.

    A single short text is one sequence, as long as it is.
    """
    shuffled = numbers.sample(passages, len(passages))
    ids = list(chain.from_iterable(_without(lead, _ids(passage, tokenizer)) for passage in shuffled))
    step = length - len(lead)
    windows = [[*lead, *ids[at : at + step]] for at in range(0, len(ids), step)]
    whole = [window for window in windows if len(window) == length]
    return numbers.sample(whole, len(whole)) or windows


def _ids(passage: CalibrationPassage, tokenizer: Tokenizer) -> list[int]:
    if passage.turns:
        ids = tokenizer.chat(passage.turns)
        if ids is not None:
            return ids
    return tokenizer.encode(passage.text or "\n\n".join(turn["content"] for turn in passage.turns))


def _without(lead: list[int], ids: list[int]) -> list[int]:
    return ids[len(lead) :] if ids[: len(lead)] == lead else ids


def unfit(message: str, hint: str, *more: Remedy) -> InvalidRequest:
    """Why nothing can be learned from what was asked for; to leave that out is always a way on, ``more`` are others."""
    return InvalidRequest(message, hint=hint, remedies=(LeaveOut("calibration"), *more), code="calibration")
