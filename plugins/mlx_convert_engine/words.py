"""The text of tokens as they come, for models that have more numbers than their tokenizer has words.

Embeddings and heads are padded to round sizes. No training ever asked for the ids beyond the words, but a small or
random model gives them all the same, and detokenizers look each one up in a list that ends before.
"""

from __future__ import annotations

from copy import copy
from typing import Any


class OnlyWords:
    """``detokenizer``, as mlx-lm and mlx-vlm have them, not shown ids that ``tokenizer`` has no word for."""

    def __init__(self, detokenizer: Any, tokenizer: Any) -> None:
        self._detokenizer = detokenizer
        self._tokenizer = tokenizer

    def __copy__(self) -> OnlyWords:
        return OnlyWords(copy(self._detokenizer), self._tokenizer)

    def add_token(self, token: int, *more: Any, **named: Any) -> None:
        """Take the next token of an answer."""
        if self._is_word(int(token)):
            self._detokenizer.add_token(token, *more, **named)

    def _is_word(self, token: int) -> bool:
        try:
            return self._tokenizer.convert_ids_to_tokens(token) is not None
        except Exception:  # a tokenizer with code of its own looks it up as it likes
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._detokenizer, name)
