"""What a conversion reads from and writes to, and the usual way through it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mlx_convert_core.plugin import Checkpoint, DecodedModel, Reporter, ShardWriter, regular_files
from mlx_convert_engine.blueprint import Blueprint
from mlx_convert_engine.filling import filled, loadable, looked_at
from mlx_convert_engine.proof import Proof
from mlx_convert_engine.source_files import SourceFiles
from mlx_convert_engine.stand_in import standing_in
from mlx_convert_engine.stored_types import loads_as_it_is
from mlx_convert_engine.stream import by_arrival, layers_of, stream_out
from mlx_convert_engine.writing_thread import WritingThread

Settings = TypeVar("Settings")
Load = Callable[[Path], tuple[list[Blueprint], Settings]]
"""Gives the blueprints of the checkpoint in a folder, and what config.json is made from."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The two ends of a conversion and all between."""

    model: DecodedModel
    checkpoint: Checkpoint
    writers: Sequence[ShardWriter]
    source: SourceFiles
    writing: WritingThread
    report: Reporter
    proof: Proof


def streaming(flow: Flow, load: Load[Settings]) -> Settings:
    """Convert layer by layer; the settings that ``load`` gives. Raises what `stream_out` raises.

    While files are still arriving, what needs only source tensors is converted as soon as those are there.
    """
    prove_first(flow, load)
    if not flow.checkpoint.complete:
        with standing_in(flow.model) as empty:
            early, _ = load(empty)
        stream_out(by_arrival(early, flow.writers), flow.source, flow.writing, flow.report)
        flow.writing.flush()
    folder = flow.checkpoint.folder(flow.report.check_cancelled)
    if loads_as_it_is(flow.model):
        blueprints, settings = load(folder)
        stream_out(layers_of(blueprints, flow.writers), flow.source, flow.writing, flow.report)
        return settings
    with loadable(flow.model, regular_files(folder), flow.source) as mixed:
        blueprints, settings = load_filled(flow, mixed, load)
        stream_out(layers_of(blueprints, flow.writers), flow.source, flow.writing, flow.report)
    return settings


def prove_first(flow: Flow, load: Load[Settings]) -> None:
    """Prove the layers that are carried over before anything is written, as soon as the files of one of each are here.

    Raises UnsupportedModel (``packed_differs``).
    """
    if not flow.proof.needed:
        return
    with standing_in(flow.model, _beside_weights(flow)) as empty:
        early, _ = load(empty)
    needs = flow.proof.shards(flow.proof.wanted(early[0].carried))
    if needs:
        prove(flow, load, needs)


def prove(flow: Flow, load: Load[Settings], here: Collection[str]) -> None:
    """Prove what is carried over of the weight files ``here``, by a model that is only loaded for that."""
    files = [*_beside_weights(flow), *map(flow.source.path, sorted(here))]
    with loadable(flow.model, files, flow.source) as mixed:
        blueprints, _ = load(mixed)
        layers = flow.proof.wanted(blueprints[0].carried, here)
        blueprints.clear()
        while layers:
            layer = layers.pop()
            with filled(flow.source, flow.proof.sources(layer), allow_overflow=True):
                flow.proof.prove(layer)


def _beside_weights(flow: Flow) -> list[Path]:
    """The other files of a checkpoint that is here, such as the code of a class of its own."""
    if not flow.checkpoint.complete:
        return []
    shards = flow.model.stored.shards
    return [path for path in regular_files(flow.checkpoint.folder(lambda: None)) if path.name not in shards]


def load_filled(flow: Flow, folder: Path, load: Load[Settings]) -> tuple[list[Blueprint], Settings]:
    """What ``load`` gives of a stand-in; where the class looks at values that are empty there, of a filled one."""
    blueprints, settings = load(folder)
    empty_then = looked_at(blueprints, flow.source)
    if empty_then:
        with filled(flow.source, empty_then, allow_overflow=flow.writing.allow_overflow):
            blueprints, settings = load(folder)
    return blueprints, settings
