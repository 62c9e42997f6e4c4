"""`mlx_convert.json`: how a converted folder came to be, for people and for programs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock

from mlx_convert_core.base import codec
from mlx_convert_core.base.documents import write_atomic
from mlx_convert_core.base.file_names import CONFIG, RECORD
from mlx_convert_core.base.limits import RECORD_BYTES
from mlx_convert_core.base.private import private_folder
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.figures import Figure
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.model.record import (
    Record,
    RecordedAdapter,
    RecordedFile,
    Source,
    StoredSize,
    Weights,
    encode_record,
    public_record,
    read_record,
)
from mlx_convert_core.model.rounding import NEAREST
from mlx_convert_core.model.stored_layers import stored_layers
from mlx_convert_core.model.verification import Verification
from mlx_convert_core.writing.check import FileDigest

_VERSIONED = ("mlx-convert", "mlx", "mlx-lm", "transformers", "huggingface_hub")


def write_record(
    plan: ConvertPlan,
    output: OutputPlan,
    folder: Path,
    files: Mapping[str, FileDigest],
    findings: Iterable[Finding],
    verification: Verification | None = None,
    adapters: tuple[RecordedAdapter, ...] = (),
) -> None:
    """Write the record into ``folder``: source, recipe, versions, sizes, findings, what was verified, sha256 of files.

    It names no place of this machine, for it may be sent anywhere.
    """
    record = Record(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        source=Source(ref=_ref(plan.model), revision=plan.model.revision),
        recipe=recipe(output),
        label=output.label if output.label != output.preset else "",
        versions=versions(),
        weights=Weights(
            bytes=output.weight_bytes,
            parameters=output.parameters,
            bits_per_weight=round(output.bits_per_weight, 4),
        ),
        calibration=plan.calibration if output.method != NEAREST or output.chosen else None,
        chosen=output.chosen,
        layers=output.quantized if output.chosen else (),
        stored=_stored(output, folder),
        kept_layers=output.kept,
        left_out=output.left_out,
        text_only=output.text_only,
        dequantize=plan.request.dequantize,
        allow_overflow=plan.request.allow_overflow,
        adapters=adapters,
        findings=tuple(findings),
        verification=verification,
        files={name: RecordedFile(size=file.size, sha256=file.sha256) for name, file in files.items()},
    )
    here = (str(output.path), *([str(plan.model.path)] if plan.model.path is not None else []))
    (folder / RECORD).write_bytes(encode_record(record, here))


def _stored(output: OutputPlan, folder: Path) -> dict[str, StoredSize]:
    """The size of each layer that is a matrix; none where config.json, which says what is packed, can't be read."""
    try:
        config = read_config(folder / CONFIG)
    except CorruptCheckpoint:
        return {}
    layers = (layer for layer in stored_layers(output.tensors, config) if not layer.vector)
    return {layer.path: StoredSize(bits=layer.bits, bytes=layer.nbytes) for layer in layers}


def update_record(folder: Path, home: Path, change: Callable[[Record], Record]) -> bool:
    """Have ``change`` make a new record of the one in ``folder``, whole or not at all; False when there is none.

    What a newer program has written and this one does not know stays. Programs of one ``home`` wait for each other.
    Raises OSError.
    """
    with FileLock(private_folder(home) / "records.lock", timeout=30):
        record = read_record(folder)
        if record is None:
            return False
        written = codec.decode(read_regular(folder / RECORD, RECORD_BYTES, within=folder), dict[str, Any])
        changed = codec.plain(public_record(change(record)))
        write_atomic(folder / RECORD, codec.to_json({**written, **changed}, indent=True))
    return True


def record_figures(folder: Path, home: Path, group: str, figures: Mapping[str, Figure]) -> bool:
    """Put ``figures`` as the ``group`` into the record of ``folder``, in place of older ones; as `update_record`."""

    def changed(record: Record) -> Record:
        return msgspec.structs.replace(record, measurements={**record.measurements, group: dict(figures)})

    return update_record(folder, home, changed)


def _ref(model: ModelInfo) -> str:
    """The source by its repo id or ref; one that lies here under that very name by its path, which is cut out."""
    here = model.path is not None and os.path.lexists(os.path.expanduser(model.ref))
    return model.repo_id or (str(model.path) if here else model.ref)


def recipe(output: OutputPlan) -> dict[str, Any]:
    """The numbers that make this output again; what does not apply is left out."""
    numbers = output.quantization.as_config() if output.quantization else {}
    method = output.method if output.method != NEAREST else None
    named = {"preset": output.preset, "strategy": output.strategy, "method": method, "dtype": output.dtype}
    return {**{key: value for key, value in named.items() if value}, **numbers}


def versions() -> dict[str, str]:
    """The versions of everything that shapes a result."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
