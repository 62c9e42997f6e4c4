"""The built-in converter: every architecture of mlx-lm, one layer at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mlx_convert_core import (
    ConvertPlan,
    Finding,
    ModelInfo,
    OutputPlan,
    Planned,
    QuantizeStrategy,
    Reporter,
    ShardWriter,
    Written,
)
from mlx_convert_lm.findings import examine
from mlx_convert_lm.output_files import write_config, write_index
from mlx_convert_lm.stubs import stub_checkpoint

BASE_MEMORY = 250_000_000  # Python with mlx and mlx-lm loaded
IN_FLIGHT = 200_000_000  # batches being computed and written


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
        from mlx_convert_lm.blueprint import largest_group

        with _readable(model) as folder:
            loaded, config = self._load(folder)
            blueprints = _blueprints(loaded, config, outputs, strategies)
            planned = tuple(plan.planned(output) for plan, output in zip(blueprints, outputs, strict=True))
            widest = max((tensor.nbytes for tensor in model.tensors), default=0)
            peak = BASE_MEMORY + IN_FLIGHT + 2 * widest + largest_group(blueprints)
        return Planned(outputs=planned, peak_memory=peak)

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

        loaded, config = self._load(checkpoint)
        keep_vision = "vision_tower" in getattr(loaded, "model", {})
        blueprints = _blueprints(loaded, config, outputs, strategies)
        del loaded  # or every source array would live until the end
        with ExitStack() as stack:
            writers = [
                stack.enter_context(ShardWriter(folder, output.tensors))
                for folder, output in zip(folders, outputs, strict=True)
            ]
            stream_out(blueprints, writers, report)
        for folder, output in zip(folders, outputs, strict=True):
            write_index(folder, output)
            write_config(folder, config, output, keep_vision=keep_vision)
        return tuple(Written(digests=writer.digests) for writer in writers)

    def _load(self, folder: Path) -> tuple[Any, dict[str, Any]]:
        from mlx_convert_lm.adapter import load_lazily

        return load_lazily(folder, trust_remote_code=self._trust)


def _blueprints(
    loaded: Any,
    config: dict[str, Any],
    outputs: tuple[OutputPlan, ...],
    strategies: Mapping[str, QuantizeStrategy],
) -> list[Any]:
    from mlx_convert_lm.blueprint import blueprint

    return [blueprint(loaded, config, output, strategies.get(output.preset)) for output in outputs]


@contextmanager
def _readable(model: ModelInfo) -> Iterator[Path]:
    """A folder that mlx-lm can load lazily: the source's own, or a stand-in with the same headers."""
    if model.path is not None and model.path.is_dir() and (model.path / "config.json").exists():
        yield model.path
        return
    with tempfile.TemporaryDirectory(prefix="mlx-convert-plan-") as folder:
        stub_checkpoint(model, Path(folder))
        yield Path(folder)
