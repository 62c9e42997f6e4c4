"""How likely a text is to a model: its token ids, the states that its head is applied to, and the head alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import (
    AnswerMemory,
    HiddenStates,
    MlxConvertError,
    Passage,
    Reporter,
    Step,
    entry_of,
    inspect_folder,
    model_name,
)
from mlx_convert_lm.chat_template import ChatTemplate

_TYPES = {"F32": "float32", "F16": "float16"}


class Scoring:
    """The model in ``path``, of which only what is asked for is read. Has the methods of ScoringRunner."""

    def __init__(self, path: Path, *, trust_remote_code: bool) -> None:
        self._path = path
        self._trusted = trust_remote_code
        self._pass: Any = None
        self._tokenizer: Any = None

    def tokens(self, passages: Sequence[Passage]) -> list[list[int]]:
        """See ScoringRunner."""
        if self._tokenizer is None:
            from mlx_convert_lm.adapter import load_tokenizer

            config = self._model.config
            self._tokenizer = load_tokenizer(self._path, config, trust_remote_code=self._trusted)
        return [self._ids(passage) for passage in passages]

    def scoring_memory(self, lengths: Sequence[int]) -> AnswerMemory:
        """See ScoringRunner."""
        from mlx_convert_engine.memory import device_memory

        return AnswerMemory(weights=self._model.peak_memory(lengths), limit=device_memory())

    def hidden_states(
        self, sequences: Sequence[Sequence[int]], report: Reporter, *, step: Step
    ) -> Iterator[HiddenStates]:
        """See ScoringRunner."""
        for states in self._model.hidden(sequences, report, step=step):
            yield HiddenStates(dtype="F32", width=int(states.shape[-1]), data=bytes(memoryview(states)))

    def head(self) -> LmHead:
        """See ScoringRunner."""
        return LmHead(self._model)

    def close(self) -> None:
        """Let go of the model."""
        self._pass = self._tokenizer = None

    @property
    def _model(self) -> Any:
        if self._pass is None:
            from mlx_convert_engine.forward.streamed import StreamedModel

            from mlx_convert_lm.adapter import load_lazily

            source = None if entry_of(self._path) is not None else inspect_folder(self._path)
            self._pass = StreamedModel(lambda: load_lazily(self._path, source, trust_remote_code=self._trusted))
        return self._pass

    def _ids(self, passage: Passage) -> list[int]:
        if passage.turns and self._tokenizer.has_chat_template:
            try:
                return ChatTemplate(self._tokenizer, model_name(self._path)).tokens(passage.turns, answering=False)
            except MlxConvertError:
                pass  # one that refuses these turns: their words are text all the same
        text = passage.text or "\n\n".join(turn.content for turn in passage.turns)
        return [int(token) for token in self._tokenizer.encode(text)]


class LmHead:
    """Implements ScoringHead."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def log_probabilities(self, states: HiddenStates) -> Any:
        """See ScoringHead."""
        import mlx.core as mx

        logits = self._model.logits(_array(states)).astype(mx.float32)
        return logits - mx.logsumexp(logits, axis=-1, keepdims=True)


def _array(states: HiddenStates) -> Any:
    import mlx.core as mx
    import numpy as np

    if states.dtype == "BF16":
        numbers = mx.array(np.frombuffer(states.data, dtype="<u2")).view(mx.bfloat16)
    else:
        numbers = mx.array(np.frombuffer(states.data, dtype=_TYPES[states.dtype]))
    return numbers.reshape(-1, states.width)
