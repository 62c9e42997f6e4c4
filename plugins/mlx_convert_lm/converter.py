"""The built-in converter: every architecture of mlx-lm, by the streaming engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlx_convert_engine.converter import StreamingConverter
from mlx_convert_engine.model_classes import LazyModel

from mlx_convert_core.plugin import (
    Checkpoint,
    ConvertPlan,
    Finding,
    ModelInfo,
    OutputPlan,
    Planned,
    QuantizeStrategy,
    Reporter,
    TensorInfo,
    Written,
    file_names,
)
from mlx_convert_lm.config.heads import Head, parts_of_head
from mlx_convert_lm.findings import examine
from mlx_convert_lm.strategies import unfit


class LmConverter(StreamingConverter):
    """Converts by mlx-lm's own model classes. Implements ModelConverter."""

    name = "mlx_convert_lm"

    def __init__(self, *, trust_remote_code: bool = False, allow_overflow: bool = False) -> None:
        self._trusted = trust_remote_code
        super().__init__(LmClasses(trust_remote_code), allow_overflow=allow_overflow)

    def examine(self, plan: ConvertPlan) -> Iterable[Finding]:
        """See ModelConverter."""
        return examine(plan)

    def plan(
        self, model: ModelInfo, outputs: tuple[OutputPlan, ...], strategies: Mapping[str, QuantizeStrategy]
    ) -> Planned:
        """See ModelConverter."""
        here = model.path is not None and (model.path / file_names.CONFIG).exists()
        self._classes = LmClasses(self._trusted, None if here else _unseen(model.tensors))
        planned = super().plan(model, outputs, strategies)
        return replace(planned, findings=(*planned.findings, *unfit(model, planned.outputs)))

    def convert(
        self,
        model: ModelInfo,
        checkpoint: Checkpoint,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        folders: tuple[Path, ...],
        report: Reporter,
    ) -> tuple[Written, ...]:
        """See ModelConverter. Whether the head is kept was planned: on the way the files may not be there."""
        kept = bool(parts_of_head(tensor.name for output in outputs for tensor in output.tensors))
        head = _unseen(model.tensors) if kept else Head.EQUAL
        self._classes = LmClasses(self._trusted, head)
        return super().convert(model, checkpoint, outputs, strategies, folders, report)


def _unseen(tensors: Iterable[TensorInfo]) -> Head:
    """What a file holds for a head, told from the names of its tensors."""
    return Head.UNSEEN if parts_of_head(tensor.name for tensor in tensors) else Head.NONE


@dataclass(frozen=True, slots=True)
class LmClasses:
    """mlx-lm's model classes. Implements ModelClasses. ``head`` is what the file holds, None to look."""

    trust_remote_code: bool
    head: Head | None = None
    name: str = "mlx-lm"

    def load(self, folder: Path, model: ModelInfo) -> LazyModel:
        """See ModelClasses."""
        from mlx_convert_lm.adapter import load_lazily

        return load_lazily(folder, model, trust_remote_code=self.trust_remote_code, head=self.head)

    def quantizes_by_rows(self, layer: Any) -> bool:
        """See ModelClasses: its layer of stacked experts does."""
        from mlx_convert_lm.adapter import is_switch_linear

        return is_switch_linear(layer)
