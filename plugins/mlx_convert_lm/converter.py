"""The built-in converter: every architecture of mlx-lm, by the streaming engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlx_convert_engine.converter import StreamingConverter
from mlx_convert_engine.model_classes import LazyModel

from mlx_convert_core.plugin import ConvertPlan, Finding, ModelInfo, OutputPlan, Planned, QuantizeStrategy
from mlx_convert_lm.findings import examine
from mlx_convert_lm.strategies import unfit


class LmConverter(StreamingConverter):
    """Converts by mlx-lm's own model classes. Implements ModelConverter."""

    name = "mlx_convert_lm"

    def __init__(self, *, trust_remote_code: bool = False) -> None:
        super().__init__(LmClasses(trust_remote_code))

    def examine(self, plan: ConvertPlan) -> Iterable[Finding]:
        """See ModelConverter."""
        return examine(plan)

    def plan(
        self, model: ModelInfo, outputs: tuple[OutputPlan, ...], strategies: Mapping[str, QuantizeStrategy]
    ) -> Planned:
        """See ModelConverter."""
        planned = super().plan(model, outputs, strategies)
        return replace(planned, findings=(*planned.findings, *unfit(model, planned.outputs)))


@dataclass(frozen=True, slots=True)
class LmClasses:
    """mlx-lm's model classes. Implements ModelClasses."""

    trust_remote_code: bool
    name: str = "mlx-lm"

    def load(self, folder: Path, model: ModelInfo) -> LazyModel:
        """See ModelClasses."""
        from mlx_convert_lm.adapter import load_lazily

        return load_lazily(folder, model, trust_remote_code=self.trust_remote_code)

    def quantizes_by_rows(self, layer: Any) -> bool:
        """See ModelClasses: its layer of stacked experts does."""
        from mlx_convert_lm.adapter import is_switch_linear

        return is_switch_linear(layer)
