"""The library: converted models known here, and how a folder becomes an entry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlx_convert_core.base.codec import read_json
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.inspection import CONFIG, WEIGHTS
from mlx_convert_core.model.quantization import bits_per_weight
from mlx_convert_core.model.safetensors import TensorInfo, read_header

RECORD = "mlx_convert.json"


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
    """The entry for an MLX folder, made here or elsewhere; None when ``folder`` is none.

    MLX weights are recognised by the ``format: mlx`` mark in a shard's metadata, as mlx-lm writes it.
    """
    shards = sorted(folder.glob(WEIGHTS))
    if not (folder / CONFIG).is_file() or not shards or not _marked_mlx(shards[0]):
        return None
    try:
        config = read_json((folder / CONFIG).read_bytes())
        tensors = tuple(tensor for shard in shards for tensor in read_header(shard))
    except (ValueError, OSError, CorruptCheckpoint):
        return None
    record = _record(folder)
    recipe = record.get("recipe", {})
    source = record.get("source", {})
    return LibraryEntry(
        name=folder.name,
        path=folder.resolve(),
        size=sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        bits_per_weight=_stored_bits_per_weight(tensors, config),
        quantization=_summary(config),
        model_type=str(config.get("model_type", "")),
        source=str(source.get("ref", "")),
        revision=source.get("revision"),
        preset=str(recipe.get("preset", "")),
        created=str(record.get("created") or _modified(folder / CONFIG)),
        made_here=bool(record),
        measurements=record.get("measurements", {}),
    )


def scan(root: Path) -> Iterator[LibraryEntry]:
    """Every MLX folder at or below ``root``, at most three levels deep; hidden folders are skipped."""
    yield from _scan(root, depth=3)


def _scan(folder: Path, depth: int) -> Iterator[LibraryEntry]:
    entry = entry_of(folder)
    if entry is not None:
        yield entry
        return
    if depth == 0:
        return
    try:
        children = sorted(child for child in folder.iterdir() if child.is_dir())
    except OSError:
        return
    for child in children:
        if not child.name.startswith("."):
            yield from _scan(child, depth - 1)


def _marked_mlx(shard: Path) -> bool:
    try:
        with shard.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            start = file.read(min(length, 100_000_000))
        return bool(json.loads(start).get("__metadata__", {}).get("format") == "mlx")
    except (ValueError, OSError, AttributeError):
        return False


def _record(folder: Path) -> dict[str, Any]:
    try:
        record = read_json((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


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
