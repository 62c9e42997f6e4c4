"""`mlx_convert.json`: how a converted folder came to be, for people and for programs."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlx_convert_core.base import codec
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.model.record import RECORD, Record, RecordedSource, public_name
from mlx_convert_core.writing.check import FileDigest

_VERSIONED = ("mlx-convert", "mlx", "mlx-lm", "transformers", "huggingface_hub")


def write_record(
    plan: ConvertPlan,
    output: OutputPlan,
    folder: Path,
    files: Mapping[str, FileDigest],
    findings: Iterable[Finding],
) -> None:
    """Write the record into ``folder``: source, recipe, versions, sizes, findings and every file's sha256."""
    model = plan.model
    record = Record(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        source=RecordedSource(ref=public_name(model.ref, model.repo_id), revision=model.revision),
        recipe=recipe(output),
        versions=versions(),
        weights={
            "bytes": output.weight_bytes,
            "parameters": output.parameters,
            "bits_per_weight": round(output.bits_per_weight, 4),
        },
        kept_layers=codec.plain(output.kept),
        findings=[_without_places(finding, plan, output) for finding in codec.plain(tuple(findings))],
        files={name: {"size": file.size, "sha256": file.sha256} for name, file in files.items()},
    )
    (folder / RECORD).write_bytes(codec.encode_pretty(record))


def _without_places(finding: Mapping[str, Any], plan: ConvertPlan, output: OutputPlan) -> dict[str, Any]:
    """A finding whose text names no folder of this machine."""
    places = [(str(path), path.name) for path in (plan.model.path, output.path, output.path.parent) if path is not None]
    places.append((str(Path.home()), "~"))

    def shown(value: Any) -> Any:
        for place, name in places:
            value = value.replace(place, name) if isinstance(value, str) and len(place) > 1 else value
        return value

    return {name: shown(value) for name, value in finding.items()}


def recipe(output: OutputPlan) -> dict[str, Any]:
    """The numbers that make this output again; what does not apply is left out."""
    numbers = output.quantization.as_config() if output.quantization else {}
    named = {"preset": output.preset, "strategy": output.strategy, "dtype": output.dtype}
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
