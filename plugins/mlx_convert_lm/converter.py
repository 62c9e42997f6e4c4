"""The built-in converter: every architecture of mlx-lm, one layer at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_convert_core import (
    Checkpoint,
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
    stamp_of,
)
from mlx_convert_lm.blueprint import Blueprint, blueprint
from mlx_convert_lm.discarding import discarding
from mlx_convert_lm.findings import examine
from mlx_convert_lm.flow import Flow, streaming
from mlx_convert_lm.output_files import write_config, write_index
from mlx_convert_lm.provenance import Provenance
from mlx_convert_lm.source_files import SourceFiles
from mlx_convert_lm.strategies import unfit
from mlx_convert_lm.stream import device_memory, working_memory
from mlx_convert_lm.stubs import standing_in
from mlx_convert_lm.waves import bytes_at_once
from mlx_convert_lm.writing import WritingThread


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
        with _readable(model) as folder:
            blueprints, _ = self._blueprints(folder, outputs, strategies, model.tensors)
            planned = tuple(plan.planned(output) for plan, output in zip(blueprints, outputs, strict=True))
            shards = {tensor.shard for tensor in model.tensors}
            sizes = {file.name: file.size for file in model.files if file.name in shards}
            return Planned(
                outputs=planned,
                peak_memory=working_memory(blueprints),
                findings=tuple(unfit(model, planned)),
                memory_limit=device_memory(),
                source_bytes=bytes_at_once(blueprints, sizes, model.fetch_window) if model.fetch_window else None,
            )

    def convert(
        self,
        model: ModelInfo,
        checkpoint: Checkpoint,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        folders: tuple[Path, ...],
        report: Reporter,
    ) -> tuple[Written, ...]:
        """See ModelConverter. What needs only one source tensor is converted as soon as that is there."""
        with ExitStack() as stack:
            writers = [
                stack.enter_context(_writer(folder, model, output))
                for folder, output in zip(folders, outputs, strict=True)
            ]
            source = stack.enter_context(SourceFiles(checkpoint, model.tensors, report.check_cancelled))
            writing = stack.enter_context(WritingThread(report, writers))

            def load(folder: Path) -> tuple[list[Blueprint], _Settings]:
                blueprints, settings = self._blueprints(folder, outputs, strategies, model.tensors)
                _check_as_planned(blueprints, outputs)
                return blueprints, settings

            convert = discarding if checkpoint.discards else streaming
            settings = convert(Flow(model, checkpoint, writers, source, writing, report), load)
        for folder, output in zip(folders, outputs, strict=True):
            write_index(folder, output)
            write_config(folder, settings.config, output, keep_vision=settings.keep_vision)
        return tuple(Written(digests=writer.digests, read=writer.read) for writer in writers)

    def _blueprints(
        self,
        folder: Path,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        tensors: Iterable[TensorInfo],
    ) -> tuple[list[Blueprint], _Settings]:
        """The blueprint of each output. The loaded model ends here, or every array would live on with it."""
        from mlx_convert_lm.adapter import load_lazily

        loaded = load_lazily(folder, trust_remote_code=self._trust)
        provenance = Provenance(loaded.arrays, {tensor.name: tensor for tensor in tensors})
        blueprints = [
            blueprint(loaded.model, loaded.config, provenance, output, strategies.get(output.preset))
            for output in outputs
        ]
        keep_vision = "vision_tower" in getattr(loaded.model, "model", {})
        return blueprints, _Settings(config=loaded.config, keep_vision=keep_vision)


def _writer(folder: Path, model: ModelInfo, output: OutputPlan) -> ShardWriter:
    """A writer that can take up a half-written folder, if that was made from the same source and numbers."""
    stamps = [(path.name, stamp_of(path)) for path in _weights(model)]
    made_from = repr((model.revision, stamps, dict(model.config), output.quantized, output.dtype))
    return ShardWriter(folder, output.tensors, journal=folder.parent / "written", made_from=made_from, read_back=True)


def _weights(model: ModelInfo) -> list[Path]:
    """The files of this machine that the weights come from."""
    if model.path is None:
        return []
    return sorted(model.path.glob("*.safetensors")) if model.path.is_dir() else [model.path]


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
    with standing_in(model) as folder:
        yield folder
