"""The runner: a model that answers about pictures and sound, token by token."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mlx_convert_engine.answer import Answer, stops_of

from mlx_convert_core.plugin import (
    GenerateRequest,
    GenerateResult,
    GenerationExtras,
    GenerationFailed,
    Reporter,
)
from mlx_convert_vlm.architectures import senses_of


class VlmRunner:
    """Runs the model in ``path`` by mlx-vlm. Implements ModelRunner and SensingRunner.

    Pictures and sound stand where they were shown: each turn has its own, where the model's template puts them.
    """

    def __init__(self, path: Path, *, trust_remote_code: bool = False) -> None:
        self._path = path
        self._trusted = trust_remote_code
        self._model: Any = None
        self._processor: Any = None
        self._config: dict[str, Any] = {}
        self.senses = frozenset()

    def load(self, report: Reporter) -> None:
        """See ModelRunner."""
        from mlx_convert_vlm.adapter import load_to_answer

        self._model, self._processor, self._config = load_to_answer(self._path, trust_remote_code=self._trusted)
        self.senses = senses_of(self._config)

    def generate(
        self, request: GenerateRequest, extras: tuple[GenerationExtras, ...], report: Reporter
    ) -> GenerateResult:
        """See ModelRunner."""
        from mlx_convert_vlm.adapter import prompt_of, stream

        if self._model is None:
            raise GenerationFailed("the model is not loaded.", hint="Open it first.")
        prompt = prompt_of(self._processor, self._config, request)
        began = time.perf_counter()
        answer, tokens = Answer(stops_of(extras)), 0
        for response in stream(self._model, self._processor, prompt, request, extras):
            report.check_cancelled()
            tokens = int(response.prompt_tokens)
            piece = answer.add(response, began)
            if piece:
                report.token(piece)
            if answer.stopped:
                break
        rest = answer.rest()
        if rest:
            report.token(rest)
        return answer.result(tokens, chat_template=True)

    def close(self) -> None:
        """See ModelRunner."""
        self._model = self._processor = None
