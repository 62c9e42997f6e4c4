"""Carry out blueprints: read, compute and write at the same time, holding a few slices at once.

The main thread reads a slice and starts its computation; MLX computes on its own threads; one more thread
writes what is done. Several outputs of a layer share one reading of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from mlx_convert_core.plugin import ConversionFailed, CorruptCheckpoint, Reporter, ShardWriter, TensorInfo, free_memory
from mlx_convert_engine.blueprint import Blueprint
from mlx_convert_engine.filling import filled
from mlx_convert_engine.memory import IN_FLIGHT_SLICES, computing, slice_bytes, times_read
from mlx_convert_engine.not_finite import Sizes, count_of, name_of, overflow
from mlx_convert_engine.pieces import Cast, Computed, Copied, Piece, Quantized, Rounded, names_of, shards_of
from mlx_convert_engine.rows import rows_of
from mlx_convert_engine.source_files import SourceFiles, changed
from mlx_convert_engine.stored_types import array_of
from mlx_convert_engine.writing_thread import Result, WritingThread

SCARCE_MEMORY = 1_000_000_000  # with less than this free, nothing is read ahead


def stream_out(layers: Iterable[Layer], source: SourceFiles, writing: WritingThread, report: Reporter) -> None:
    """Read, compute and hand over every piece of ``layers``, one layer after the other.

    Raises Cancelled between two slices, CorruptCheckpoint when a source file changes, OSError from writing.
    """
    flight = _Flight(writing)
    for slice_ in _slices(layers, source, allow=writing.allow_overflow):
        report.check_cancelled()
        flight.take(slice_)
    flight.land_all()


@dataclass(slots=True)
class _Slice:
    """Results that were started together, and the bytes that are held for them meanwhile."""

    results: list[Result]
    nbytes: int


class _Flight:
    """Slices whose computation has been started and not yet awaited."""

    def __init__(self, writing: WritingThread) -> None:
        self._writing = writing
        self._waiting: deque[_Slice] = deque()
        self._nbytes = 0

    def take(self, slice_: _Slice) -> None:
        import mlx.core as mx

        mx.async_eval([array for result in slice_.results for array in result.arrays])
        self._waiting.append(slice_)
        self._nbytes += slice_.nbytes
        limit = IN_FLIGHT_SLICES * slice_bytes() if free_memory() > SCARCE_MEMORY else 0
        while self._waiting and self._nbytes > limit:
            self._land()

    def land_all(self) -> None:
        while self._waiting:
            self._land()

    def _land(self) -> None:
        import mlx.core as mx

        slice_ = self._waiting.popleft()
        self._nbytes -= slice_.nbytes
        mx.eval([array for result in slice_.results for array in result.arrays])
        self._writing.put(slice_.results)


Layer = list[tuple[Piece, ShardWriter]]


def layers_of(blueprints: Sequence[Blueprint], writers: Sequence[ShardWriter]) -> Iterator[Layer]:
    """One layer after the other, with the pieces of all outputs beside each other.

    The blueprints are emptied on the way, so that no array outlives its layer; what the writers have
    already (a resumed conversion) is left out.
    """
    queues = [deque(plan.pieces) for plan in blueprints]
    for plan in blueprints:
        plan.pieces.clear()
        plan.carried.clear()
    while queues[0]:
        parts = [(piece, writer) for queue, writer in zip(queues, writers, strict=True) for piece in queue.popleft()]
        wanted = [(piece, writer) for piece, writer in parts if not writer.has(*names_of(piece))]
        if wanted:
            yield wanted


def by_arrival(blueprints: Sequence[Blueprint], writers: Sequence[ShardWriter]) -> list[Layer]:
    """The layers that are made of source tensors only, in the order in which their last file arrives."""
    layers = [
        [(piece, writer) for piece, writer in layer if not isinstance(piece, Computed)]
        for layer in layers_of(blueprints, writers)
    ]
    return sorted((layer for layer in layers if layer), key=_last_shard)


def _last_shard(layer: Layer) -> str:
    return max(max(shards_of(piece) or ("",)) for piece, _ in layer)


def _slices(layers: Iterable[Layer], source: SourceFiles, *, allow: bool) -> Iterator[_Slice]:
    streams = cycle(_streams())
    batch = _Slice([], 0)
    for layer in layers:
        for part in _parts(layer, source, streams, allow=allow):
            batch.results += part.results
            batch.nbytes += part.nbytes
            if batch.nbytes > slice_bytes():  # two of a large tensor, so that neither of a CPU's streams waits
                yield batch
                batch = _Slice([], 0)
    if batch.results:
        yield batch


def _parts(layer: Layer, source: SourceFiles, streams: Iterator[Any], *, allow: bool) -> Iterator[_Slice]:
    """A layer in slices: what is computed whole first, then its source tensors by rows.

    Raises ConversionFailed (``overflow``) for values that become infinite, if that is not ``allow``ed.
    """
    import mlx.core as mx

    by_source: dict[tuple[TensorInfo, ...], list[tuple[Piece, ShardWriter]]] = {}
    for piece, writer in layer:
        if isinstance(piece, Computed):
            yield _Slice(_computed(piece, writer, source, allow), computing(piece))
        else:
            by_source.setdefault(piece.sources, []).append((piece, writer))
    for sources, wanted in by_source.items():
        width = max((piece.width for piece, _ in wanted if isinstance(piece, Quantized)), default=1)
        kept = any(isinstance(piece, Copied) for piece, _ in wanted)
        made = not all(isinstance(piece, Copied) for piece, _ in wanted)
        targets = {target for piece, _ in wanted if (target := _target(piece))}
        times, first = times_read([piece for piece, _ in wanted]), 0
        for rows in rows_of(sources, width, slice_bytes() // times, source, fresh=kept):
            sizes = Sizes.of(rows.data, sources[0].dtype)
            for target in targets:
                if not allow and sizes.too_large_for(target):
                    raise _overflow(rows.tensors, source, target)
            with mx.stream(next(streams)):
                array = array_of(sizes.dtype, sizes.data) if made else None  # one copy, however many outputs there are
                results = [one for piece, writer in wanted for one in _made(piece, writer, first, sizes, array)]
            first += rows.data.nbytes * sources[0].parameters // max(1, sources[0].nbytes)
            yield _Slice(results, rows.data.nbytes * times)


def _overflow(tensors: Iterable[TensorInfo], source: SourceFiles, target: str) -> ConversionFailed | CorruptCheckpoint:
    """The error for the first of ``tensors`` with values that ``target`` can't hold, all of which are counted."""
    for tensor in tensors:
        slices = rows_of([tensor], 1, slice_bytes(), source, fresh=False)
        count = sum(Sizes.of(rows.data, tensor.dtype).too_large_for(target) for rows in slices)
        if count:
            return overflow(tensor.name, count, target)
    return changed(tensor.shard)  # they were there when it was read before


def _computed(piece: Computed, writer: ShardWriter, source: SourceFiles, allow: bool) -> list[Result]:
    """What the model class computes; the values that it is made from are counted with it."""
    import mlx.core as mx

    known = {name: count for name, array in piece.plain.items() if (count := count_of(array)) is not None}
    all_known = sum(known.values())
    with filled(source, piece.sources, allow_overflow=allow) as too_large:
        rounded = _rounded(piece.rounded) if piece.rounded is not None else {}
        results = [
            Result(
                name,
                writer,
                array=_bytes_of(rounded.get(name, array)),
                not_finite=known.get(name, all_known) - (too_large or 0),
                too_large=too_large or 0,
                counted=name in known,
                floats=name_of(array.dtype),
            )
            for name, array in piece.tensors
        ]
        if too_large is not None:
            mx.eval([array for result in results for array in result.arrays])
    return results


def _rounded(layer: Rounded) -> dict[str, Any]:
    """The tensors of a layer that its class quantizes by rows, by their names; none when it is rounded to nearest."""
    if not layer.rounding.chooses:
        return {}
    rows = layer.weight.reshape(-1, layer.weight.shape[-1])
    parts = layer.rounding(0, rows, layer.quantization)
    shape = layer.weight.shape[:-1]
    return {name: part.reshape(*shape, -1) for name, part in zip(layer.names, parts, strict=True)}


def _made(piece: Piece, writer: ShardWriter, first: int, sizes: Sizes, array: Any) -> list[Result]:
    """What becomes of some rows of a piece's sources, from its value ``first`` on: of the values in ``array``."""
    if isinstance(piece, Copied):
        return [Result(piece.name, writer, data=sizes.data, not_finite=sizes.not_finite)]
    if not isinstance(piece, Quantized | Cast):
        raise TypeError(piece)
    numbers = {"not_finite": sizes.not_finite, "too_large": sizes.too_large_for(_target(piece))}
    if piece.dtype is not None:
        array = array.astype(piece.dtype)
    if isinstance(piece, Cast):
        return [Result(piece.name, writer, array=_bytes_of(array), **numbers)]
    parts = piece.rounding(first // piece.width, array.reshape(-1, piece.width), piece.quantization)
    weight, *scales = (
        Result(name, writer, array=_bytes_of(part), floats=name_of(part.dtype), **numbers)
        for name, part in zip(piece.names, parts, strict=True)
    )
    return [weight, *(replace(result, counted=False) for result in scales)]


def _target(piece: Piece) -> str:
    """The float type that a piece's values are cast to, "" for none."""
    return name_of(piece.dtype) if isinstance(piece, Quantized | Cast) and piece.dtype is not None else ""


def _bytes_of(array: Any) -> Any:
    """The array as contiguous bytes, which Python can look into."""
    import mlx.core as mx

    return mx.contiguous(array.reshape(-1)).view(mx.uint8)


def _streams() -> Sequence[Any]:
    """Where to compute: on a CPU two streams, since each keeps one core busy; on a GPU its own."""
    import mlx.core as mx

    if mx.default_device() == mx.cpu:
        return [mx.new_stream(mx.cpu) for _ in range(2)]
    return [mx.default_stream(mx.default_device())]
