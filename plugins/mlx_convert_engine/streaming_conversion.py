"""What a conversion reads from and writes to, and the usual way through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mlx_convert_core.plugin import Checkpoint, ModelInfo, Reporter, ShardWriter
from mlx_convert_engine.blueprint import Blueprint
from mlx_convert_engine.source_files import SourceFiles
from mlx_convert_engine.stand_in import standing_in
from mlx_convert_engine.stream import by_arrival, layers_of, stream_out
from mlx_convert_engine.writing_thread import WritingThread

Settings = TypeVar("Settings")
Load = Callable[[Path], tuple[list[Blueprint], Settings]]
"""Gives the blueprints of the checkpoint in a folder, and what config.json is made from."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The two ends of a conversion and all between."""

    model: ModelInfo
    checkpoint: Checkpoint
    writers: Sequence[ShardWriter]
    source: SourceFiles
    writing: WritingThread
    report: Reporter


def streaming(flow: Flow, load: Load[Settings]) -> Settings:
    """Convert layer by layer; the settings that ``load`` gives. Raises what `stream_out` raises.

    While files are still arriving, what needs only source tensors is converted as soon as those are there.
    """
    if not flow.checkpoint.complete:
        with standing_in(flow.model) as empty:
            early, _ = load(empty)
        stream_out(by_arrival(early, flow.writers), flow.source, flow.writing, flow.report)
        flow.writing.flush()
    blueprints, settings = load(flow.checkpoint.folder(flow.report.check_cancelled))
    stream_out(layers_of(blueprints, flow.writers), flow.source, flow.writing, flow.report)
    return settings
