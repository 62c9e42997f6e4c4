"""Whether text comes back from a tokenizer: encoded, decoded and compared.

Many tokenizers change a text on purpose: they lower it, normalise Unicode, or lack a script. What the source's
tokenizer changes, the result's may change too, and in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import GenerationFailed, TextRunner
from mlx_convert_lm.tokenizers.proof import LINES


class Plain:
    """A tokenizer of transformers, or mlx-lm's wrapper of one, asked for text alone."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """See TextRunner."""
        return [int(token) for token in self._tokenizer.encode(text, add_special_tokens=False)]

    def decode(self, tokens: Sequence[int]) -> str:
        """See TextRunner."""
        return str(self._tokenizer.decode(list(tokens)))


def changed(tokenizer: Plain | TextRunner) -> list[tuple[str, str]]:
    """The lines that don't come back as they were, each with what came back."""
    pairs = ((line, tokenizer.decode(tokenizer.encode(line))) for line in LINES)
    return [(line, back) for line, back in pairs if line != back]


def as_in_source(tokenizer: TextRunner, source: Path, *, own_code: bool) -> bool:
    """Whether the tokenizer files in ``source`` give all lines the same tokens, and the same texts back."""
    from mlx_convert_lm.adapter import load_tokenizer

    try:
        theirs = Plain(load_tokenizer(source, {}, trust_remote_code=own_code))
    except GenerationFailed:  # there is nothing to compare with
        return False
    same_tokens = all(list(tokenizer.encode(line)) == theirs.encode(line) for line in LINES)
    return same_tokens and changed(tokenizer) == changed(theirs)
