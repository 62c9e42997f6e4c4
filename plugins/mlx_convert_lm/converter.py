"""The built-in converter: every architecture of mlx-lm, one layer at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core import (
    ConvertPlan,
    CorruptCheckpoint,
    Finding,
    ModelInfo,
    OutputPlan,
    Planned,
    QuantizeStrategy,
    Reporter,
    ShardWriter,
    TensorInfo,
    Written,
)
from mlx_convert_lm.findings import examine
from mlx_convert_lm.output_files import write_config, write_index
from mlx_convert_lm.source_files import SourceFiles
from mlx_convert_lm.stubs import stub_checkpoint

if TYPE_CHECKING:
    from mlx_convert_lm.blueprint import Blueprint


class LmConverter:
    """Converts by mlx-lm's own model classes. Implements ModelConverter."""

    name = "mlx_convert_lm"

    def __init__(self, *, trust_remote_code: bool = False) -> None:
        self._trust = trust_remote_code

    def examine(self, plan: ConvertPlan) -> Iterable[Finding]:
        """See ModelConverter."""
        return examine(plan)

    def plan(
        self, model: ModelInfo, outputs: tuple[OutputPlan, ...], strategies: Mapping[str, QuantizeStrategy]
    ) -> Planned:
        """See ModelConverter; a remote source is planned over empty files with its real headers."""
        from mlx_convert_lm.stream import working_memory

        with _readable(model) as folder:
            blueprints, _ = self._blueprints(folder, outputs, strategies, {one.name: one for one in model.tensors})
            planned = tuple(plan.planned(output) for plan, output in zip(blueprints, outputs, strict=True))
            return Planned(outputs=planned, peak_memory=working_memory(blueprints))

    def convert(
        self,
        model: ModelInfo,
        checkpoint: Path,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        folders: tuple[Path, ...],
        report: Reporter,
    ) -> tuple[Written, ...]:
        """See ModelConverter."""
        from mlx_convert_lm.stream import stream_out

        with SourceFiles(checkpoint) as source, ExitStack() as stack:
            blueprints, settings = self._blueprints(checkpoint, outputs, strategies, source.tensors)
            _check_as_planned(blueprints, outputs)
            writers = [
                stack.enter_context(ShardWriter(folder, output.tensors))
                for folder, output in zip(folders, outputs, strict=True)
            ]
            stream_out(blueprints, writers, source, report)
        for folder, output in zip(folders, outputs, strict=True):
            write_index(folder, output)
            write_config(folder, settings.config, output, keep_vision=settings.keep_vision)
        return tuple(Written(digests=writer.digests) for writer in writers)

    def _blueprints(
        self,
        folder: Path,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        tensors: Mapping[str, TensorInfo],
    ) -> tuple[list[Blueprint], _Settings]:
        """The blueprint of each output. The loaded model ends here, or every array would live on with it."""
        from mlx_convert_lm.adapter import load_lazily
        from mlx_convert_lm.blueprint import blueprint
        from mlx_convert_lm.provenance import Provenance

        loaded = load_lazily(folder, trust_remote_code=self._trust)
        provenance = Provenance(loaded.arrays, tensors)
        blueprints = [
            blueprint(loaded.model, loaded.config, provenance, output, strategies.get(output.preset))
            for output in outputs
        ]
        keep_vision = "vision_tower" in getattr(loaded.model, "model", {})
        return blueprints, _Settings(config=loaded.config, keep_vision=keep_vision)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """What config.json is made from."""

    config: dict[str, Any]
    keep_vision: bool


def _check_as_planned(blueprints: list[Blueprint], outputs: tuple[OutputPlan, ...]) -> None:
    """The source may have changed since it was planned."""
    for plan, output in zip(blueprints, outputs, strict=True):
        if plan.planned(output) != output:
            raise CorruptCheckpoint(
                "the source is no longer what was planned for.",
                hint="Wait until whatever writes to it is done, and run it again.",
                code="source_changed",
            )


@contextmanager
def _readable(model: ModelInfo) -> Iterator[Path]:
    """A folder that mlx-lm can load lazily: the source's own, or a stand-in with the same headers."""
    if model.path is not None and model.path.is_dir() and (model.path / "config.json").exists():
        yield model.path
        return
    with tempfile.TemporaryDirectory(prefix="mlx-convert-plan-") as folder:
        stub_checkpoint(model, Path(folder))
        yield Path(folder)
