"""The words of tokenizer.json and their ids; a large one is read in a process of its own.

A vocabulary of 262,000 words takes ten times the bytes of its file while it is loaded, more than converting the model
does, and the worker of a conversion would never give them back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from mlx_convert_core.plugin import plain
from mlx_convert_lm.tokenizers.apart import told_apart

LARGE = 4_000_000  # bytes of tokenizer.json; a vocabulary of 50,000 words has 2 MB, one of 130,000 has 9
SHOWN = 3  # tokens that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The ids of a tokenizer beside an embedding of some rows.

    ``error`` says why it can't be loaded, "" when it can. ``highest`` is the largest id, ``beyond`` names the first
    tokens whose ids have no row.
    """

    error: str = ""
    highest: int = 0
    beyond: tuple[str, ...] = ()


def ids_in(tokenizer: bytes, rows: int, added: Collection[str]) -> Ids:
    """Load ``tokenizer``, the content of tokenizer.json, which gets the tokens ``added`` that it lacks."""
    if len(tokenizer) < LARGE:
        return _ids(tokenizer, rows, added)
    with NamedTemporaryFile(prefix="mlx-convert-vocabulary-") as file:
        file.write(tokenizer)
        file.flush()
        told = told_apart(__name__, file.name, str(rows), *added)
    return Ids(error=told) if isinstance(told, str) else Ids(**told)


def _ids(tokenizer: bytes, rows: int, added: Collection[str]) -> Ids:
    from tokenizers import Tokenizer

    try:
        vocabulary = Tokenizer.from_buffer(tokenizer).get_vocab(with_added_tokens=True)
    except (MemoryError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a panic of native code is no Exception
        return Ids(error=" ".join(f"{error}".split())[:200].rstrip("."))
    more = sorted(set(added) - vocabulary.keys())  # they get the ids behind
    highest = max(vocabulary.values(), default=0)
    highest = max(highest, len(vocabulary) + len(more) - 1) if more else highest
    beyond = sorted((number, text) for text, number in vocabulary.items() if number >= rows)
    return Ids(highest=highest, beyond=tuple([text for _, text in beyond][:SHOWN] or more[-SHOWN:]))


def main(path: str, rows: str, *added: str) -> dict[str, Any]:
    """In that process: what `Ids` tells of the tokenizer in the file ``path``."""
    told: dict[str, Any] = plain(_ids(Path(path).read_bytes(), int(rows), added))
    return told
