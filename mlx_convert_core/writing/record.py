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
from mlx_convert_core.model.library import RECORD
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.writing.check import FileDigest

SCHEMA = 1
_VERSIONED = ("mlx-convert", "mlx", "mlx-lm", "transformers", "huggingface_hub")


def write_record(
    plan: ConvertPlan,
    output: OutputPlan,
    folder: Path,
    files: Mapping[str, FileDigest],
    findings: Iterable[Finding],
) -> None:
    """Write the record into ``folder``: source, recipe, versions, sizes, findings and every file's sha256."""
    record = {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": {"ref": plan.model.repo_id or plan.model.ref, "revision": plan.model.revision},
        "recipe": recipe(output),
        "versions": versions(),
        "weights": {
            "bytes": output.weight_bytes,
            "parameters": output.parameters,
            "bits_per_weight": round(output.bits_per_weight, 4),
        },
        "kept_layers": codec.plain(output.kept),
        "findings": codec.plain(tuple(findings)),
        "measurements": {},
        "files": codec.plain(dict(files)),
    }
    (folder / RECORD).write_bytes(codec.encode_pretty(record))


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
