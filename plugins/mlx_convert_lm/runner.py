"""The built-in runner: a converted model that answers, token by token."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlx_convert_engine.answer import Answer, stops_of

from mlx_convert_core.plugin import (
    AnswerMemory,
    GenerateRequest,
    GenerateResult,
    GenerationExtras,
    GenerationFailed,
    Reporter,
    context_of,
    model_name,
)
from mlx_convert_lm.chat_template import ChatTemplate
from mlx_convert_lm.scoring import Scoring
from mlx_convert_lm.tokenizers.round_trip import Plain

_TAIL = 8  # tokens of a text that say how the next one joins


class LmRunner:
    """Runs the model in ``path`` by mlx-lm. Implements ModelRunner, MeasuredRunner, ScoringRunner and TextRunner.

    The key/value cache of the last conversation is kept: a next turn that begins with the same tokens
    only pays for what is new.
    """

    def __init__(self, path: Path, *, trust_remote_code: bool = False) -> None:
        self._path = path
        self._trusted = trust_remote_code
        self._context = context_of(path)
        self._lazy: Any = None  # a LazyModel, between `memory` and `load`
        self._model: Any = None
        self._tokenizer: Any = None
        self._template: ChatTemplate | None = None
        self._rows = 0
        self._cache: list[Any] = []
        self._cached: list[int] = []
        self._scoring = Scoring(path, trust_remote_code=trust_remote_code)
        self.tokens = self._scoring.tokens
        self.scoring_memory = self._scoring.scoring_memory
        self.hidden_states = self._scoring.hidden_states
        self.head = self._scoring.head

    def memory(self, tokens: int) -> AnswerMemory:
        """See MeasuredRunner."""
        from mlx_convert_engine.memory import device_memory

        from mlx_convert_lm.adapter import load_to_answer
        from mlx_convert_lm.cache_size import cache_bytes, weights_in_memory

        self._lazy = load_to_answer(self._path, trust_remote_code=self._trusted)
        model, limit = self._lazy.model, device_memory()
        return AnswerMemory(weights=weights_in_memory(model), cache=cache_bytes(model, tokens), limit=limit)

    def load(self, report: Reporter) -> None:
        """See ModelRunner."""
        from mlx_convert_engine.forward.outside import embedding_rows

        from mlx_convert_lm.adapter import load_for_generation, load_to_answer

        lazy, self._lazy = self._lazy or load_to_answer(self._path, trust_remote_code=self._trusted), None
        for finding in lazy.findings:
            if finding.level == "warning":
                report.message(f"{finding.message} {finding.hint}".strip(), "warning")
        self._model, self._tokenizer = load_for_generation(self._path, lazy, trust_remote_code=self._trusted)
        self._rows = embedding_rows(self._model)
        if self._tokenizer.has_chat_template:
            self._template = ChatTemplate(self._tokenizer, model_name(self._path))
        else:
            report.message(
                f"{model_name(self._path)} has no chat template: the prompt is continued as plain text.", "warning"
            )

    def generate(
        self, request: GenerateRequest, extras: tuple[GenerationExtras, ...], report: Reporter
    ) -> GenerateResult:
        """See ModelRunner."""
        if self._model is None:
            raise GenerationFailed("the model is not loaded.", hint="Open it first.")
        if request.seed is not None:
            _seed(request.seed)
        prompt = self._prompt(request)
        request = replace(request, max_tokens=self._room(request, len(prompt)))
        began = time.perf_counter()
        answer = Answer(stops_of(extras))
        for response in self._responses(prompt, request, extras, report.check_cancelled):
            report.check_cancelled()
            if request.begun and not answer.begun:
                answer.lead = self._space_before(response, request.begun)
            piece = answer.add(response, began)
            if piece:
                report.token(piece)
            if answer.stopped:
                break
        rest = answer.rest()
        if rest:
            report.token(rest)
        return answer.result(len(prompt), chat_template=self._template is not None)

    def encode(self, text: str) -> list[int]:
        """See TextRunner."""
        return Plain(self._tokenizer).encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """See TextRunner."""
        return Plain(self._tokenizer).decode(tokens)

    def ends(self) -> frozenset[int]:
        """See TextRunner."""
        return frozenset(self._tokenizer.eos_token_ids or ()) - {None}

    def close(self) -> None:
        """See ModelRunner."""
        self._lazy = self._model = self._tokenizer = self._template = None
        self._cache, self._cached = [], []
        self._scoring.close()

    def _prompt(self, request: GenerateRequest) -> list[int]:
        turns = request.conversation()
        asked = turns[:-1] if request.begun else turns
        if self._template is not None:
            tokens = self._template.tokens(asked)
        else:
            tokens = [int(token) for token in self._tokenizer.encode("\n".join(turn.content for turn in asked))]
        tokens += self.encode(request.begun)  # as it was when the model said this
        if self._rows:
            self._check_rows(tokens)
        return tokens

    def _room(self, request: GenerateRequest, prompt: int) -> int:
        """The most tokens that the answer to ``prompt`` tokens may have.

        A conversation ends where the context does that the model was made for: nothing of it is left out unasked.
        Raises GenerationFailed (``context_full``).
        """
        if not request.messages or not self._context:
            return request.max_tokens
        if prompt >= self._context:
            raise GenerationFailed(
                f"this conversation has {prompt:,} tokens, and {self._path.name} was made for {self._context:,}.",
                hint="Begin a new conversation, or shorten an earlier message of this one.",
                code="context_full",
            )
        return min(request.max_tokens, self._context - prompt)

    def _space_before(self, response: Any, begun: str) -> str:
        """The space between what the model has said and its next token: alone, a tokenizer would drop it."""
        before = self.encode(begun)[-_TAIL:]
        joined = self.decode([*before, int(response.token)])
        return " " if joined.startswith(f"{self.decode(before)} ") and not response.text.startswith(" ") else ""

    def _check_rows(self, tokens: list[int]) -> None:
        """Raise GenerationFailed (``token_ids``) for a token that the model has no numbers for."""
        beyond = sorted({token for token in tokens if token >= self._rows})
        if beyond:
            named = ", ".join(repr(self._tokenizer.decode([token])) for token in beyond[:3])
            raise GenerationFailed(
                f"{self._path.name} can't read this prompt: {named} has the id {beyond[0]:,} in its tokenizer, and its"
                f" embedding has {self._rows:,} rows.",
                hint="The tokenizer may belong to another model: compare its files with the original model's.",
                code="token_ids",
            )

    def _responses(
        self,
        prompt: list[int],
        request: GenerateRequest,
        extras: tuple[GenerationExtras, ...],
        check_cancelled: Callable[[], None],
    ) -> Iterator[Any]:
        from mlx_convert_lm.adapter import stream

        fresh = self._reuse(prompt)
        for response in stream(
            self._model,
            self._tokenizer,
            fresh,
            max_tokens=request.max_tokens,
            sampler={
                "temp": request.temperature,
                "top_p": request.top_p if request.top_p < 1 else 0.0,
                "top_k": request.top_k,
                "min_p": request.min_p,
            },
            repetition_penalty=request.repetition_penalty,
            processors=[processor for extra in extras for processor in extra.logits_processors],
            cache=self._cache,
            check_cancelled=check_cancelled,
        ):
            self._cached.append(int(response.token))
            yield response

    def _reuse(self, prompt: list[int]) -> list[int]:
        """The part of ``prompt`` that the cache does not hold yet; at least its last token."""
        from mlx_convert_lm.adapter import prompt_cache, trim_cache

        common = 0
        for ours, theirs in zip(self._cached, prompt[:-1], strict=False):
            if ours != theirs:
                break
            common += 1
        held = _held(self._cache)
        if not common or held is None or not trim_cache(self._cache, max(0, held - common)) or held < common:
            self._cache, common = prompt_cache(self._model), 0
        self._cached = list(prompt)
        return prompt[common:]


def _held(cache: list[Any]) -> int | None:
    """Tokens in a cache, None when its kind does not say."""
    offsets = [layer.offset for layer in cache if isinstance(getattr(layer, "offset", None), int)]
    return max(offsets) if offsets else None


def _seed(seed: int) -> None:
    import mlx.core as mx

    mx.random.seed(seed)
