"""The built-in converter: every architecture of mlx-lm, by the streaming engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlx_convert_engine.converter import StreamingConverter
from mlx_convert_engine.model_classes import LazyModel
from mlx_convert_engine.texts import Tokenizer

from mlx_convert_core.plugin import (
    ConvertPlan,
    Finding,
    MeasuredStrategy,
    ModelInfo,
    OutputPlan,
    Planned,
    QuantizeStrategy,
    file_names,
)
from mlx_convert_lm.config.heads import Head, parts_of_head
from mlx_convert_lm.findings import examine, judge
from mlx_convert_lm.strategies import unfit


class LmConverter(StreamingConverter):
    """Converts by mlx-lm's own model classes. Implements JudgingConverter."""

    name = "mlx_convert_lm"

    def __init__(self, *, trust_remote_code: bool = False, allow_overflow: bool = False) -> None:
        super().__init__(LmClasses(trust_remote_code), allow_overflow=allow_overflow)

    def examine(self, plan: ConvertPlan) -> Iterable[Finding]:
        """See ModelConverter."""
        return examine(plan, self._source(plan.model))

    def judge(self, model: ModelInfo) -> Finding | None:
        """See JudgingConverter."""
        return judge(model)

    def plan(
        self,
        model: ModelInfo,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy | MeasuredStrategy],
    ) -> Planned:
        """See ModelConverter."""
        planned = super().plan(model, outputs, strategies)
        return replace(planned, findings=(*planned.findings, *unfit(model, planned.outputs)))


@dataclass(frozen=True, slots=True)
class LmClasses:
    """mlx-lm's model classes. Implements ModelClasses."""

    trust_remote_code: bool
    name: str = "mlx-lm"
    memory: int = 0  # the engine counts on what mlx-lm takes

    def load(self, folder: Path, model: ModelInfo, planned: frozenset[str] | None = None) -> LazyModel:
        """See ModelClasses. What is planned tells whether an output head beside shared embeddings is kept."""
        from mlx_convert_lm.adapter import load_lazily

        return load_lazily(folder, model, trust_remote_code=self.trust_remote_code, head=_head(model, planned))

    def quantizes_by_rows(self, layer: Any) -> bool:
        """See ModelClasses: its layer of stacked experts does."""
        from mlx_convert_lm.adapter import is_switch_linear

        return is_switch_linear(layer)

    def cache_bytes(self, model: Any, tokens: int) -> int:
        """See ModelClasses."""
        from mlx_convert_lm.cache_size import cache_bytes

        return cache_bytes(model, tokens)

    def empty_cache(self, model: Any) -> list[Any]:
        """See ModelClasses."""
        from mlx_convert_lm.adapter import prompt_cache

        return prompt_cache(model)

    def tokenizer(self, folder: Path) -> Tokenizer | None:
        """See ModelClasses."""
        from mlx_convert_lm.adapter import text_tokens

        return text_tokens(folder, trust_remote_code=self.trust_remote_code)


def _head(model: ModelInfo, planned: frozenset[str] | None) -> Head | None:
    """What the files hold for an output head, as far as it is known; None to look."""
    if planned is not None and not parts_of_head(planned):
        return Head.EQUAL
    if planned is None and model.path is not None and (model.path / file_names.CONFIG).exists():
        return None
    return Head.UNSEEN if parts_of_head(tensor.name for tensor in model.tensors) else Head.NONE
