"""The values behind a stand-in, written into it while something is computed of them.

Rows that go straight into the result are never here: only what a model class computes with, of weight files that MLX
can't load, one computed tensor after the other. All of them are only where such a model is to run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from mlx_convert_core.plugin import DecodedModel, ModelInfo, leftover_method
from mlx_convert_engine.blueprint import Blueprint
from mlx_convert_engine.not_finite import Sizes, overflow
from mlx_convert_engine.source_files import SourceFiles
from mlx_convert_engine.stand_in import TensorPlace, empty, places, standing_in
from mlx_convert_engine.stored_types import WIDE, array_of, loads_as_it_is, narrowed, shown

CHUNK = 4 << 20  # a whole number of values of every type
Settings = TypeVar("Settings")


@contextmanager
def loadable(model: DecodedModel, files: Iterable[Path], source: SourceFiles) -> Iterator[Path]:
    """Give a stand-in with ``files``, whose other weight files `filled` knows how to fill; see `standing_in`."""
    with standing_in(model, files) as folder:
        before, source.places = source.places, {} if loads_as_it_is(model) else places(model, folder)
        try:
            yield folder
        finally:
            source.places = before


@contextmanager
def filled(source: SourceFiles, names: Collection[str], *, allow_overflow: bool) -> Iterator[int | None]:
    """Have the tensors ``names`` filled during the body, where they are empty: how many values float32 can't hold.

    None when there was nothing to fill: then the body need not compute at once. Raises ConversionFailed
    (``overflow``) for such values if they are not allowed.
    """
    wanted = [source.places[name] for name in sorted(names) if name in source.places]
    try:
        too_large = 0
        for place in wanted:
            count = _fill(place, source)
            if count and not allow_overflow:
                raise overflow(place.stored.name, count, "float32")
            too_large += count
        yield too_large if wanted else None
    finally:
        empty(wanted)


@contextmanager
def copied(
    model: DecodedModel, files: Iterable[Path], source: SourceFiles, place: Path, check_cancelled: Callable[[], None]
) -> Iterator[Path]:
    """Give a copy in ``place`` of ``model``, as it is shown, with all its values; ``files`` are those beside them."""
    plain = replace(model.model, config=_of_plain(model.model))
    shards = frozenset(tensor.shard for tensor in model.model.tensors)
    beside = [path for path in files if path.name not in shards]
    with standing_in(replace(model, model=plain), beside, place) as folder:
        for tensor in places(model, folder, shards).values():
            check_cancelled()
            _fill(tensor, source)
        yield folder


def _of_plain(model: ModelInfo) -> dict[str, Any]:
    """config.json of a model that is shown, without what it says of how it was packed if nothing is any more."""
    config = dict(model.config)
    if leftover_method(config, model.tensors) in ("", "mlx"):
        return config
    config.pop("quantization_config", None)
    text = config.get("text_config")
    if isinstance(text, dict):
        config["text_config"] = {name: value for name, value in text.items() if name != "quantization_config"}
    return config


def copied_bytes(model: DecodedModel) -> int:
    """What `copied` takes on the disk."""
    return sum(tensor.nbytes for tensor in shown(model))


def looked_at(blueprints: list[Blueprint], source: SourceFiles) -> frozenset[str]:
    """The tensors whose values a model class looked at, and which were empty then."""
    return blueprints[0].looked_at.intersection(source.places)


def _fill(place: TensorPlace, source: SourceFiles) -> int:
    """Write the values of one tensor; how many of them become infinite by that."""
    stored, too_large = place.stored, 0
    buffer = memoryview(bytearray(min(CHUNK, stored.nbytes)))
    with place.path.open("r+b") as file:
        file.seek(place.start)
        for start in range(0, stored.nbytes, CHUNK):
            data = buffer[: min(CHUNK, stored.nbytes - start)]
            source.read(stored, start, data)
            too_large += Sizes.of(data, stored.dtype).too_large_for("float32")
            _put(file, place, data)
    return too_large


def _put(file: BinaryIO, place: TensorPlace, data: memoryview) -> None:
    import mlx.core as mx

    if place.stored.dtype == WIDE:
        file.write(memoryview(narrowed(data)).cast("B"))
    elif place.dtype == "BF16" != place.stored.dtype:
        file.write(memoryview(array_of(place.stored.dtype, data).view(mx.uint8)))
    else:
        file.write(data)
