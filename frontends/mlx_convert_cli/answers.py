"""An answer as it comes: tokens on standard output, talk and figures on standard error."""

from __future__ import annotations

from contextlib import ExitStack

from mlx_convert_cli.output import put, say, styled
from mlx_convert_cli.progress import tell_message
from mlx_convert_cli.waiting import waiting
from mlx_convert_core import Event, GenerateResult, StepStarted, Token
from mlx_convert_core.plugin import units


class AnswerView:
    """Streams the tokens of one job. Implements `progress.View`; ``text`` is the answer so far."""

    def __init__(self) -> None:
        self.text = ""
        self._waiting = ExitStack()

    def __enter__(self) -> AnswerView:
        return self

    def __exit__(self, *error: object) -> None:
        self._waiting.close()
        if self.text and not self.text.endswith("\n"):
            put("")

    def show(self, event: Event) -> None:
        """See View."""
        if isinstance(event, StepStarted) and not self.text:
            self._waiting.close()
            self._waiting.enter_context(waiting("loading the model" if event.step == "load" else "thinking"))
        elif isinstance(event, Token):
            self._waiting.close()
            self.text += event.text
            put(event.text, nl=False)
        else:
            tell_message(event)

    def cancelling(self) -> None:
        """The answer simply ends."""


def tell_figures(result: GenerateResult) -> None:
    """Speed and memory of an answer, in one line."""
    parts = [
        f"{result.generation_tokens} tokens",
        units.speed(result.generation_tokens_per_second),
        f"first token after {units.duration(result.time_to_first_token)}",
        f"peak memory {units.size(result.peak_memory)}",
    ]
    if result.finish_reason == "length":
        parts.append("stopped at --max-tokens")
    if not result.chat_template:
        parts.append("no chat template: plain completion")
    say(styled(" · ".join(parts), dim=True))
