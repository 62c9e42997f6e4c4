"""The token ids of texts and conversations, for running them through a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlx_convert_engine.template_bounds import bounded


@dataclass(frozen=True, slots=True)
class TextTokens:
    """A tokenizer with the face of transformers'. Implements Tokenizer.

    ``templated`` makes ids of a conversation by the chat template; None where there is none.
    """

    tokenizer: Any
    templated: Callable[[list[dict[str, str]]], Iterable[int]] | None

    def encode(self, text: str) -> list[int]:
        """See Tokenizer."""
        return [int(token) for token in self.tokenizer.encode(text)]

    def chat(self, turns: Sequence[dict[str, str]]) -> list[int] | None:
        """See Tokenizer. A template may refuse a conversation, by whatever error it likes."""
        if self.templated is None:
            return None
        try:
            with bounded():
                return [int(token) for token in self.templated(list(turns))]
        except MemoryError:
            raise
        except Exception:  # a program of strangers; the words of the turns are text all the same
            return None
