"""Whether a model shares its output head with its embeddings: what config.json says, and what the file holds.

transformers shares the two when ``tie_word_embeddings`` says so, unless the file holds a head that differs, as after
training with new words: then it keeps that. The classes of mlx-lm go by the word alone and drop the head.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import DecodedTensor, TensorInfo, open_regular, read_header, weight_files
from mlx_convert_lm.config.rope import levels

TIED = "tie_word_embeddings"
# The last two are heads only of the whole model: attention has an output, too.
_HEAD = re.compile(
    r"(?:^|\.)(?:lm_head|embed_out)\.[a-z_]+$|^(?:(?:model|language_model|transformer)\.)*output(?:_layer)?\.[a-z_]+$"
)
_ANY_HEAD = re.compile(r"(?:^|\.)(?:lm_head|embed_out|output|output_layer|head)\.[a-z_]+$")
_EMBEDDING = re.compile(
    r"(?:^|\.)(?:embed|embed_tokens|embed_in|embeddings?|word_embeddings|wte|tok_embeddings)\.[a-z_]+$"
)
_BUFFER = 1 << 20


class Head(Enum):
    """What a file holds to make words of the last layer's numbers."""

    NONE = "none"
    EQUAL = "equal"  # the embeddings once more
    OWN = "own"
    UNSEEN = "unseen"  # there is one, and its bytes are not here yet: kept, which is right either way


def head_in(folder: Path, known: Iterable[TensorInfo] = ()) -> Head:
    """What the weight files in ``folder`` hold: read as far as the first difference between head and embeddings.

    ``known`` are their tensors, none to look.
    """
    read = known or chain.from_iterable(read_header(folder / name) for name in sorted(weight_files(folder)))
    tensors = {tensor.name: tensor for tensor in read}
    head = parts_of_head(tensors)
    if not head:
        return Head.NONE
    embedding = _embedding(tensors)
    pairs = [(head[leaf], f"{embedding}{leaf}") for leaf in head]
    if not embedding or any(other not in tensors for _, other in pairs):
        return Head.OWN
    return Head.EQUAL if all(_same(folder, tensors[one], tensors[other]) for one, other in pairs) else Head.OWN


def parts_of_head(names: Iterable[str]) -> dict[str, str]:
    """The tensors of a head among ``names``, by their last word (weight, scales …)."""
    likely = (name for name in names if "head" in name or "out" in name)  # a few of a hundred thousand
    found = sorted((name for name in likely if _HEAD.search(name) and not _other(name)), key=_shortest, reverse=True)
    return {name.rpartition(".")[2]: name for name in found}


def has_head(names: Iterable[str]) -> bool:
    """Whether there is a head among the parameters of a model, whatever its class calls it."""
    return any(_ANY_HEAD.search(name) for name in names)


def say_tied(config: dict[str, Any], arguments: type[Any], head: Head) -> bool:
    """Make ``config`` say of the head what is so, wherever a class built from ``arguments`` may read it.

    Where nothing says whether it is shared, what the file holds decides. Gives whether the config said that it is,
    against the file.
    """
    fields = inspect.signature(arguments).parameters
    parts = [
        part for part in levels(config) if TIED in part or (TIED in fields if part is config else "vocab_size" in part)
    ]
    said = [bool(part[TIED]) for part in parts if part.get(TIED) is not None]
    if head in (Head.OWN, Head.UNSEEN):
        for part in parts:
            part[TIED] = False
        return any(said)
    if not said or any(said):  # a head that is missing and not said to be its own, or that is the embeddings once more
        for part in parts:
            part[TIED] = True
    return False


def _embedding(names: Iterable[str]) -> str:
    """The name of the embeddings up to their last word; "" when there are none."""
    likely = (name for name in names if "emb" in name or "wte" in name)
    found = sorted((name for name in likely if _EMBEDDING.search(name) and not _other(name)), key=_shortest)
    return found[0].rpartition(".")[0] + "." if found else ""


def _shortest(name: str) -> tuple[int, str]:
    return len(name), name


def _other(name: str) -> bool:
    return any(word in name for word in ("vision", "visual", "audio", "mtp", "position"))


def _same(folder: Path, one: TensorInfo, other: TensorInfo) -> bool:
    """Whether two tensors hold the same bytes; of one that has to be decoded or gathered nobody knows."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    if any(isinstance(tensor, DecodedTensor) or tensor.strides for tensor in (one, other)):
        return False
    with (
        open_regular(folder / one.shard, within=folder) as first,
        open_regular(folder / other.shard, within=folder) as second,
    ):
        first.seek(one.start)
        second.seek(other.start)
        left = one.nbytes
        while left:
            size = min(left, _BUFFER)
            if first.read(size) != second.read(size):
                return False
            left -= size
    return True
