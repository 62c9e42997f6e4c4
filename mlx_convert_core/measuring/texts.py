"""The text that is measured with, cut into sequences of tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.base.codec import from_plain, read_json
from mlx_convert_core.base.limits import TYPED_BYTES
from mlx_convert_core.base.paths import expanded
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint, InvalidRequest, MeasuringFailed
from mlx_convert_core.model.measurements import FEWEST_TOKENS, Passage
from mlx_convert_core.plugins.calling import Hooks

LENGTH = 512  # tokens of a sequence: long enough for most of what came before to count, short enough for many of them
SEQUENCES = 16  # fewer make intervals too narrow
SHORTEST = 32  # tokens of a passage; what is left at its end is used when it has half as many
Tokenize = Callable[[Sequence[Passage]], list[list[int]]]


@dataclass(frozen=True, slots=True)
class Text:
    """A text: what it is called, and its passages."""

    name: str
    passages: tuple[Passage, ...]


def text_named(name: str, hooks: Hooks) -> Text:
    """The text that a plugin offers as ``name``, or that in the file ``name``; for "" the first that is offered.

    Raises MeasuringFailed (code ``no_text``) when none is offered, and as `own_text`.
    """
    offered = hooks.register("register_texts")
    if name and name not in offered:
        return own_text(expanded(name))
    if not offered:
        raise MeasuringFailed(
            "no plugin offers a text to measure with.", hint="Give a text file of your own.", code="no_text"
        )
    chosen = offered[name] if name else next(iter(offered.values()))
    return Text(chosen.name, tuple(chosen.load()))


def own_text(path: Path) -> Text:
    """The text in a person's file: plain, or a passage a line where its name ends in ``.jsonl``.

    Such a line is an object with ``text``, or with the ``turns`` of a chat. Raises InvalidRequest (codes ``no_text``,
    ``not_text``).
    """
    text = typed_text(path, "the text to measure with", "no_text")
    if path.suffix.lower() != ".jsonl":
        return Text(path.name, (Passage(kind="own", text=text),))
    try:
        return Text(path.name, passages_in(text))
    except (ValueError, TypeError) as error:
        raise InvalidRequest(
            f"{path} has no passage in each line: {error}.",
            hint='Write a line for each, such as {"kind": "prose", "text": "Once upon a time"}.',
            code="no_text",
        ) from None


def typed_text(path: Path, what: str, code: str) -> str:
    """What a person's file holds, which is ``what``. Raises InvalidRequest (``code``, or ``not_text``)."""
    hint = "Give a text file in UTF-8."
    try:
        return read_regular(path, TYPED_BYTES, within=None).decode("utf-8-sig")
    except (OSError, CorruptCheckpoint) as error:
        told = error.message if isinstance(error, CorruptCheckpoint) else f"{path}: {error.strerror or error}."
        raise InvalidRequest(f"{what} can't be read: {told}", hint=hint, code=code) from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path} is no text: it is not UTF-8.", hint=hint, code="not_text") from None


def passages_in(lines: str) -> tuple[Passage, ...]:
    """The passages in JSON lines, each an object with ``text``, or with the ``turns`` of a chat; raises ValueError."""
    found = []
    for line in filter(str.strip, lines.split("\n")):
        entry = read_json(line.encode())
        if not isinstance(entry, dict):
            raise ValueError("a line is no object")
        found.append(from_plain({name: entry[name] for name in ("kind", "text", "turns") if name in entry}, Passage))
    return tuple(found)


def sequences_of(text: Text, tokenize: Tokenize, tokens: int) -> list[list[int]]:
    """About ``tokens`` token ids of ``text`` in sequences; each begins as the tokenizer begins a text.

    All passages give their beginnings before one gives more. Raises MeasuringFailed (code ``text_short``) when there
    are too few tokens.
    """
    lead = tokenize([Passage()])[0]
    each = [_without(lead, ids) for ids in tokenize(text.passages)]
    each = [ids for ids in each if len(ids) >= SHORTEST]
    there = sum(map(len, each))
    if there < FEWEST_TOKENS:
        raise MeasuringFailed(
            f"{text.name} has {there:,} tokens in passages of {SHORTEST} or more; measuring takes {FEWEST_TOKENS:,} at"
            " least.",
            hint="Use a longer text, or the one that comes along.",
            code="text_short",
        )
    length = max(SHORTEST, min(LENGTH, min(tokens, there) // SEQUENCES) - len(lead))
    pieces = [[ids[at : at + length] for at in range(0, len(ids), length)] for ids in each]
    in_turn = [row[turn] for turn in range(max(map(len, pieces))) for row in pieces if turn < len(row)]
    return _of_size([[*lead, *piece] for piece in in_turn if len(piece) >= SHORTEST // 2], tokens)


def hash_of(sequences: Sequence[Sequence[int]]) -> str:
    """The sha256 of the token ids, which is that of the text as a model sees it."""
    lines = "\n".join(" ".join(map(str, ids)) for ids in sequences)
    return hashlib.sha256(lines.encode()).hexdigest()


def _without(lead: list[int], ids: list[int]) -> list[int]:
    return ids[len(lead) :] if ids[: len(lead)] == lead else ids


def _of_size(sequences: list[list[int]], tokens: int) -> list[list[int]]:
    """The first of ``sequences`` that have ``tokens`` together."""
    taken: list[list[int]] = []
    for ids in sequences:
        if sum(map(len, taken)) >= tokens:
            break
        taken.append(ids)
    return taken
