"""Convert a checkpoint whose weight files are deleted as soon as everything made of them is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlx_convert_engine.discard_order import Wave, waves
from mlx_convert_engine.filling import loadable
from mlx_convert_engine.pieces import Computed, names_of
from mlx_convert_engine.stand_in import standing_in
from mlx_convert_engine.stream import Layer, layers_of, stream_out
from mlx_convert_engine.streaming_conversion import Flow, Load, Settings, load_filled, prove


def discarding(flow: Flow, load: Load[Settings]) -> Settings:
    """Convert in waves, releasing files on the way; the settings that ``load`` gives.

    Raises what `stream_out` raises.
    """
    shards = flow.model.stored.shards
    with standing_in(flow.model) as empty:
        early, _ = load(empty)
    planned = waves(layers_of(early, flow.writers), shards)
    for shard in set(shards).difference(*(wave.done for wave in planned)):
        flow.source.release(shard)
    for wave in planned:
        stream_out(wave.rows, flow.source, flow.writing, flow.report)
        wave.rows.clear()
        _compute(wave, flow, load)
        flow.writing.flush()
        for shard in wave.done:
            flow.source.release(shard)
    folder = flow.checkpoint.folder(flow.report.check_cancelled)
    with standing_in(flow.model, [path for path in folder.iterdir() if path.name not in shards]) as mixed:
        _, settings = load(mixed)
    return settings


def _compute(wave: Wave, flow: Flow, load: Load[Settings]) -> None:
    """Make the tensors of a wave that the model class computes: from the real files among empty ones."""
    if not wave.computed:
        return
    if flow.proof.needed:
        prove(flow, load, wave.needs)
    with loadable(flow.model, map(flow.source.path, sorted(wave.needs)), flow.source) as mixed:
        blueprints, _ = load_filled(flow, mixed, load)
        stream_out(_only(layers_of(blueprints, flow.writers), wave.computed), flow.source, flow.writing, flow.report)


def _only(layers: Iterable[Layer], wanted: set[str]) -> Iterator[Layer]:
    for layer in layers:
        parts = [
            (piece, writer)
            for piece, writer in layer
            if isinstance(piece, Computed) and wanted.issuperset(names_of(piece))
        ]
        if parts:
            yield parts
