"""The token ids of texts and conversations, for running them through a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import GenerationFailed, read_config
from mlx_convert_lm.tokenizers.bounded import bounded


@dataclass(frozen=True, slots=True)
class TextTokens:
    """A tokenizer of mlx-lm's. Implements Tokenizer."""

    tokenizer: Any

    def encode(self, text: str) -> list[int]:
        """See Tokenizer."""
        return [int(token) for token in self.tokenizer.encode(text)]

    def chat(self, turns: Sequence[dict[str, str]]) -> list[int] | None:
        """See Tokenizer. A template may refuse a conversation, by whatever error it likes."""
        if not self.tokenizer.has_chat_template:
            return None
        try:
            with bounded():
                ids = self.tokenizer.apply_chat_template(list(turns), tokenize=True, add_generation_prompt=False)
            return [int(token) for token in ids]
        except MemoryError:
            raise
        except Exception:  # a program of strangers; the words of the turns are text all the same
            return None


def text_tokens(folder: Path, *, trust_remote_code: bool) -> TextTokens | None:
    """The tokenizer of the checkpoint in ``folder``, None when it can't be loaded."""
    from mlx_convert_lm.adapter import load_tokenizer

    try:
        return TextTokens(
            load_tokenizer(folder, read_config(folder / "config.json"), trust_remote_code=trust_remote_code)
        )
    except GenerationFailed:
        return None
