"""The library: converted models known here, and how a folder becomes an entry."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from mlx_convert_core.base.limits import HEADER_BYTES
from mlx_convert_core.base.regular_files import open_regular
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.inspection import CONFIG, WEIGHTS, read_config, unreadable
from mlx_convert_core.model.quantization import bits_per_weight
from mlx_convert_core.model.record import Record, read_record
from mlx_convert_core.model.safetensors import TensorInfo, read_header


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryEntry:
    """A converted model: where it is, how big (bytes), its average bits per weight, and where it came from.

    ``created`` is an ISO 8601 time in UTC; ``made_here`` is False for folders found by a scan that
    another tool made; ``measurements`` holds named figures.
    """

    name: str
    path: Path
    size: int
    bits_per_weight: float
    quantization: str
    model_type: str = ""
    source: str = ""
    revision: str | None = None
    preset: str = ""
    created: str = ""
    made_here: bool = True
    measurements: Mapping[str, float] = field(default_factory=dict)

    @property
    def missing(self) -> bool:
        """Whether the folder has vanished."""
        return not (self.path / CONFIG).exists()


def entry_of(folder: Path) -> LibraryEntry | None:
    """The entry for an MLX folder, made here or elsewhere; None when ``folder`` is none, or is damaged."""
    try:
        return described(folder)
    except CorruptCheckpoint:
        return None


def described(folder: Path) -> LibraryEntry | None:
    """The entry for an MLX folder; None when ``folder`` is none. Raises CorruptCheckpoint for one that is damaged.

    MLX weights are recognised by the ``format: mlx`` mark in a shard's metadata, as mlx-lm writes it.
    """
    shards = sorted(path for path in folder.glob(WEIGHTS) if not path.name.startswith("."))
    if not os.path.lexists(folder / CONFIG) or not shards or not _marked_mlx(shards[0]):
        return None
    config = read_config(folder / CONFIG)
    try:
        tensors = tuple(tensor for shard in shards for tensor in read_header(shard))
        files = [path.stat() for path in folder.iterdir()]
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from error
    record = read_record(folder)
    known = record or Record()
    return LibraryEntry(
        name=folder.name,
        path=folder.resolve(),
        size=sum(file.st_size for file in files if stat.S_ISREG(file.st_mode)),
        bits_per_weight=_stored_bits_per_weight(tensors, config),
        quantization=_summary(config),
        model_type=str(config.get("model_type", "")),
        source=known.source.ref,
        revision=known.source.revision,
        preset=str(known.recipe.get("preset", "")),
        created=known.created or _modified(folder / CONFIG),
        made_here=record is not None,
        measurements={name: value for name, value in known.measurements.items() if isinstance(value, int | float)},
    )


def scan(root: Path, skipped: Callable[[Path, str], Any] = lambda folder, reason: None) -> Iterator[LibraryEntry]:
    """Every MLX folder at or below ``root``, at most three levels deep; hidden folders are skipped.

    ``skipped`` is told of each folder that could not be read, or is damaged, and why.
    """
    yield from _scan(root, 3, skipped)


def _scan(folder: Path, depth: int, skipped: Callable[[Path, str], Any]) -> Iterator[LibraryEntry]:
    try:
        entry = described(folder)
        children = sorted(child for child in folder.iterdir() if child.is_dir()) if entry is None and depth else []
    except CorruptCheckpoint as error:
        skipped(folder, error.message)
        return
    except OSError as error:
        skipped(folder, f"it can't be read: {error.strerror or error}.")
        return
    if entry is not None:
        yield entry
    for child in children:
        if not child.name.startswith("."):
            yield from _scan(child, depth - 1, skipped)


class _Marked(msgspec.Struct):
    metadata: Any = msgspec.field(name="__metadata__", default=None)


def _marked_mlx(shard: Path) -> bool:
    try:
        with open_regular(shard, within=shard.parent) as file:
            length = int.from_bytes(file.read(8), "little")
            marks = msgspec.json.decode(file.read(min(length, HEADER_BYTES)), type=_Marked).metadata
    except (ValueError, OSError, RecursionError, CorruptCheckpoint):
        return False
    return isinstance(marks, dict) and marks.get("format") == "mlx"


def _summary(config: Mapping[str, Any]) -> str:
    quantization = config.get("quantization")
    if not isinstance(quantization, dict) or not isinstance(quantization.get("bits"), int):
        return str(config.get("torch_dtype") or config.get("dtype") or "unquantized")
    mode = quantization.get("mode", "affine")
    mixed = any(
        isinstance(value, dict) and value.get("bits") != quantization["bits"] for value in quantization.values()
    )
    bits = f"{quantization['bits']} bit" if mode == "affine" else str(mode)
    return f"{bits}, mixed" if mixed else bits


def _stored_bits_per_weight(tensors: tuple[TensorInfo, ...], config: Mapping[str, Any]) -> float:
    quantization = config.get("quantization")
    scales = {tensor.name for tensor in tensors if tensor.name.endswith(".scales")}
    values = 0
    for tensor in tensors:
        layer = tensor.name.removesuffix(".weight")
        if tensor.name.endswith((".scales", ".biases")) and tensor.name.rsplit(".", 1)[0] + ".scales" in scales:
            continue
        packed = f"{layer}.scales" in scales and isinstance(quantization, dict)
        bits = _bits_of(quantization, layer) if packed and isinstance(quantization, dict) else 0
        values += tensor.parameters * 32 // bits if bits else tensor.parameters
    return bits_per_weight(sum(tensor.nbytes for tensor in tensors), values)


def _bits_of(quantization: Mapping[str, Any], layer: str) -> int:
    own = quantization.get(layer)
    found = own.get("bits") if isinstance(own, dict) else quantization.get("bits")
    return found if isinstance(found, int) else 0


def _modified(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
