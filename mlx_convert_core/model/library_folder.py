"""How a folder becomes an entry of the library."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlx_convert_core.base.file_names import CONFIG, WEIGHTS
from mlx_convert_core.base.identity import as_on_disk
from mlx_convert_core.base.regular_files import regular_files
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.config_file import read_config, unreadable
from mlx_convert_core.model.fit import CONTEXT, cache_estimate
from mlx_convert_core.model.hub_cache import cached_repo, model_name
from mlx_convert_core.model.library import LibraryEntry
from mlx_convert_core.model.quantization import bits_per_weight
from mlx_convert_core.model.record import Record, read_record
from mlx_convert_core.model.safetensors import TensorInfo, all_tensors, read_header, read_metadata
from mlx_convert_core.model.stored_layers import bits_of, stored_layers
from mlx_convert_core.model.unchanged import as_recorded, stamp


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
    shards = sorted(folder.glob(WEIGHTS))
    if not shards or not os.path.lexists(folder / CONFIG):
        return None
    try:
        if read_metadata(shards[0]).get("format") != "mlx":
            return None
        size = sum(path.stat().st_size for path in regular_files(folder))
        config = read_config(folder / CONFIG)
        tensors = all_tensors(map(read_header, shards), folder.name)
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from error
    record = read_record(folder) or Record()
    place = as_on_disk(folder)
    cached = cached_repo(place)
    verified = _verified(folder, record)
    return LibraryEntry(
        name=model_name(place),
        path=place,
        size=size,
        bits_per_weight=_stored_bits_per_weight(tensors, config),
        quantization=_summary(config),
        model_type=_text(config.get("model_type")),
        source=record.source.ref or (cached.repo_id if cached is not None else ""),
        revision=record.source.revision or (cached.commit if cached is not None else None),
        preset=record.label or _text(record.recipe.get("preset")),
        created=record.created if _is_time(record.created) else _modified(folder / CONFIG),
        made_here=record != Record(),
        text_only=record.text_only,
        cache=cache_estimate(config, CONTEXT),
        verified=verified,
        verified_stamp=stamp(folder) if verified else "",
        measurements=record.measurements,
    )


def _verified(folder: Path, record: Record) -> tuple[str, ...]:
    seen = record.verification
    return seen.facts if seen is not None and seen.passed and as_recorded(folder, record.files) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _summary(config: Mapping[str, Any]) -> str:
    quantization = config.get("quantization")
    usual = bits_of(quantization.get("bits")) if isinstance(quantization, dict) else 0
    if not usual or not isinstance(quantization, dict):
        return _text(config.get("torch_dtype")) or _text(config.get("dtype")) or "unquantized"
    mode = _text(quantization.get("mode", "affine"))
    mixed = any(isinstance(value, dict) and value.get("bits") != usual for value in quantization.values())
    bits = f"{usual} bit" if mode in ("affine", "") else mode
    return f"{bits}, mixed" if mixed else bits


def _stored_bits_per_weight(tensors: tuple[TensorInfo, ...], config: Mapping[str, Any]) -> float:
    layers = stored_layers(tensors, config)
    return bits_per_weight(sum(tensor.nbytes for tensor in tensors), sum(layer.values for layer in layers))


def _is_time(stamp: str) -> bool:
    try:
        return datetime.fromisoformat(stamp).tzinfo is not None
    except ValueError:
        return False


def _modified(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
