"""An answer as it grows, token by token, whichever library makes the tokens."""

from __future__ import annotations

import time
from typing import Any

from mlx_convert_core.plugin import GenerateResult, GenerationExtras, GenerationFailed


class Answer:
    """An answer as it grows; holds back text that could be the beginning of a stop text.

    The library's responses have ``text``, ``finish_reason`` and the figures of mlx-lm's GenerationResponse.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._text = ""
        self._sent = 0
        self._last: Any = None
        self._first_token = 0.0
        self._tokens: list[int] = []
        self.stopped = False
        self.lead = ""  # what stands before the first piece of an answer that goes on

    @property
    def begun(self) -> bool:
        """Whether a piece has come."""
        return self._last is not None

    def add(self, response: Any, began: float) -> str:
        """Take the next piece; what can be shown now."""
        if self._last is None:
            self._first_token = time.perf_counter() - began
        self._last = response
        if response.token is not None:
            self._tokens.append(int(response.token))
        self._text += self.lead + response.text
        self.lead = ""
        for stop in self._stops:
            found = self._text.find(stop)
            if found >= 0:
                self._text = self._text[:found]
                self.stopped = True
        return self._show(0 if self.stopped else self._doubtful())

    def rest(self) -> str:
        """What was held back to the end."""
        return self._show(0)

    def result(self, prompt_tokens: int, *, chat_template: bool) -> GenerateResult:
        """The whole answer with its figures."""
        last = self._last
        if last is None:
            raise GenerationFailed("the model gave no token at all.", hint="Try another prompt.")
        return GenerateResult(
            text=self._text,
            finish_reason="stop" if self.stopped else (last.finish_reason or "stop"),
            prompt_tokens=prompt_tokens,
            prompt_tokens_per_second=last.prompt_tps,
            generation_tokens=last.generation_tokens,
            generation_tokens_per_second=last.generation_tps,
            time_to_first_token=self._first_token,
            peak_memory=int(last.peak_memory * 1e9),
            chat_template=chat_template,
            token_ids=tuple(self._tokens),
        )

    def _show(self, held_back: int) -> str:
        end = max(self._sent, len(self._text) - held_back)
        piece, self._sent = self._text[self._sent : end], end
        return piece

    def _doubtful(self) -> int:
        """How many characters at the end could begin a stop text."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for length in range(min(longest, len(self._text)), 0, -1):
            if any(stop.startswith(self._text[-length:]) for stop in self._stops):
                return length
        return 0


def stops_of(extras: tuple[GenerationExtras, ...]) -> tuple[str, ...]:
    """The texts that end an answer."""
    return tuple(stop for extra in extras for stop in extra.stop if stop)
