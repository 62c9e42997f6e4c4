"""Where a converted model comes from: its record, `mlx_convert.json`, as it is shown to others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx_convert_core import read_json
from mlx_convert_hub.fetch.references import is_repo_id

RECORD = "mlx_convert.json"
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".gguf", ".pt", ".pth", ".ckpt", ".h5", ".onnx", ".npz", ".msgpack")


@dataclass(frozen=True)
class Origin:
    """From which source and by which recipe a model was made, and the names of the files that came out."""

    source: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    files: frozenset[str] = frozenset()

    def same_as(self, other: Origin | None) -> bool:
        """Whether both came from the same source by the same recipe."""
        return other is not None and (self.source, dict(self.recipe)) == (other.source, dict(other.recipe))


def read_record(folder: Path) -> dict[str, Any]:
    """The record in ``folder``, {} when there is none that can be read."""
    try:
        return parse_record((folder / RECORD).read_bytes())
    except OSError:
        return {}


def parse_record(data: bytes) -> dict[str, Any]:
    """A record from its bytes, {} when they are none; whoever wrote it may have written anything."""
    try:
        found = read_json(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def origin_of(record: Mapping[str, Any]) -> Origin | None:
    """What ``record`` says, None when it says nothing of the kind."""
    source, recipe, files = record.get("source"), record.get("recipe"), record.get("files")
    ref = source.get("ref") if isinstance(source, dict) else None
    if not isinstance(ref, str) or not isinstance(recipe, dict):
        return None
    names = frozenset(name for name in files if isinstance(name, str)) if isinstance(files, dict) else frozenset()
    return Origin(source=public_ref(ref), recipe=recipe, files=names)


def public_ref(ref: str) -> str:
    """A source as others may see it: a repo id as it is, of a place on this machine only its last name."""
    return ref if is_repo_id(ref) else Path(ref).name


def public_record(data: bytes) -> bytes:
    """The record's bytes without the places on this machine that it names."""
    record = parse_record(data)
    if origin_of(record) is None:
        return data
    ref = record["source"]["ref"]
    shown = data if public_ref(ref) == ref else data.replace(_json(ref), _json(public_ref(ref)))
    home = str(Path.home())
    return shown.replace(home.encode(), b"~") if len(home) > 1 else shown


def has_weights(names: Iterable[str]) -> bool:
    """Whether files of these names are a model, by whomever."""
    return any(name.endswith(WEIGHT_SUFFIXES) for name in names)


def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()
