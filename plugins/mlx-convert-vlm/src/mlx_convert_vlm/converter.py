"""The converter: every architecture of mlx-vlm, by the streaming engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_convert_engine.converter import StreamingConverter
from mlx_convert_engine.model_classes import LazyModel
from mlx_convert_engine.texts import Tokenizer

from mlx_convert_core.plugin import ConvertPlan, Finding, ModelInfo, SetOption
from mlx_convert_vlm.architectures import senses_of, text_alone


class VlmConverter(StreamingConverter):
    """Converts by mlx-vlm's own model classes; what sees and hears stays unquantized. Implements ModelConverter."""

    name = "mlx_convert_vlm"

    def __init__(self, *, trust_remote_code: bool = False, allow_overflow: bool = False) -> None:
        super().__init__(VlmClasses(trust_remote_code), allow_overflow=allow_overflow)

    def examine(self, plan: ConvertPlan) -> Iterable[Finding]:
        """See ModelConverter: that a model is converted whole; what mlx-vlm can't take, its class says in the plan."""
        model, senses = plan.model, sorted(senses_of(plan.model.config))
        if not senses or not text_alone(model.config):
            return
        takes = " and ".join("pictures" if sense == "picture" else sense for sense in senses)
        yield Finding(
            code="whole",
            level="info",
            message=f"{model.name} is converted whole: the result takes {takes} besides text.",
            hint="If its text model is all that you want, that alone is smaller.",
            remedies=(SetOption("text_only", True),),
        )


@dataclass(frozen=True, slots=True)
class VlmClasses:
    """mlx-vlm's model classes. Implements ModelClasses."""

    trust_remote_code: bool
    name: str = "mlx-vlm"

    @property
    def memory(self) -> int:
        """See ModelClasses: what was imported for the model that was loaded."""
        from mlx_convert_vlm.importing import IMPORTING

        return IMPORTING.memory

    def load(self, folder: Path, model: ModelInfo, planned: frozenset[str] | None = None) -> LazyModel:
        """See ModelClasses."""
        from mlx_convert_vlm.adapter import load_lazily, take_text_alone
        from mlx_convert_vlm.importing import IMPORTING

        with IMPORTING.noted():
            lazy = load_lazily(folder, model.name, trust_remote_code=self.trust_remote_code)
        take_text_alone(lazy.model)
        return lazy

    def quantizes_by_rows(self, layer: Any) -> bool:
        """See ModelClasses: its layer of stacked experts does."""
        from mlx_convert_vlm.adapter import is_switch_linear

        return is_switch_linear(layer)

    def cache_bytes(self, model: Any, tokens: int) -> int:
        """See ModelClasses: config.json has to tell."""
        return 0

    def empty_cache(self, model: Any) -> None:
        """See ModelClasses: text alone goes through it whole only."""

    def tokenizer(self, folder: Path) -> Tokenizer | None:
        """See ModelClasses: text alone goes through the model, so that what sees and hears is left out."""
        from mlx_convert_vlm.adapter import text_tokens

        return text_tokens(folder, trust_remote_code=self.trust_remote_code)
