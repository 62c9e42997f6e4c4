"""`mlx_convert.json`: how a converted folder came to be. Written in one place, read in one, by anybody's hand.

Nothing in it says where on a machine anything was: the folder may be published as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from mlx_convert_core.base.codec import encode_pretty, read_json
from mlx_convert_core.base.limits import RECORD_BYTES
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint

RECORD = "mlx_convert.json"
SCHEMA = 1


class RecordedSource(msgspec.Struct, frozen=True, kw_only=True):
    """The model that was converted: a repo id with its commit, or only the name of a folder or file."""

    ref: str = ""
    revision: str | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What the record holds; what a hand-written one lacks, or says in another form, is as here.

    ``created`` is an ISO 8601 time in UTC; ``recipe`` has the numbers that make the same output again; ``weights`` has
    ``bytes``, ``parameters`` and ``bits_per_weight``; ``files`` has the sha256 and size in bytes of each file by name;
    ``measurements`` has figures by name.
    """

    schema: int = SCHEMA
    created: str = ""
    source: RecordedSource = RecordedSource()
    recipe: dict[str, Any] = msgspec.field(default_factory=dict)
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    weights: dict[str, float] = msgspec.field(default_factory=dict)
    kept_layers: list[dict[str, Any]] = msgspec.field(default_factory=list)
    findings: list[dict[str, Any]] = msgspec.field(default_factory=list)
    measurements: dict[str, Any] = msgspec.field(default_factory=dict)
    files: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)


def read_record(folder: Path) -> Record | None:
    """The record in ``folder``; None when there is none, or nothing that could be one."""
    try:
        return parse_record(read_regular(folder / RECORD, RECORD_BYTES, within=folder))
    except (OSError, CorruptCheckpoint):
        return None


def parse_record(data: bytes) -> Record | None:
    """A record from its bytes, whoever wrote them; None when they are no JSON object."""
    try:
        found = read_json(data)
    except (ValueError, RecursionError):
        return None
    return _as_far_as_right(found, Record) if isinstance(found, dict) else None


def public_name(ref: str, repo_id: str | None) -> str:
    """A source as others may see it: its repo id, or only the last name of a place on this machine."""
    return repo_id or Path(ref).name


def _as_far_as_right(found: dict[str, Any], kind: type[Any]) -> Any:
    """A ``kind`` with the fields of ``found`` that are of the right type."""
    right: dict[str, Any] = {}
    for name, wanted in get_type_hints(kind).items():
        if name not in found:
            continue
        if isinstance(found[name], dict) and isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
            right[name] = _as_far_as_right(found[name], wanted)
            continue
        try:
            right[name] = msgspec.convert(found[name], wanted)
        except msgspec.ValidationError:
            continue
    return kind(**right)


def public_record(data: bytes) -> bytes:
    """The bytes of a record without the places of this machine that an older or a foreign one may name."""
    try:
        found = read_json(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(found, dict):
        return data
    cleaned: dict[str, Any] = _without_home(found)
    source = cleaned.get("source")
    if isinstance(source, dict) and isinstance(source.get("ref"), str) and source["ref"].startswith(("/", "~", ".")):
        cleaned["source"] = {**source, "ref": Path(source["ref"]).name}
    return data if cleaned == found else encode_pretty(cleaned)


def _without_home(value: Any) -> Any:
    home = str(Path.home())
    if isinstance(value, str):
        return value.replace(home, "~") if len(home) > 1 else value
    if isinstance(value, dict):
        return {name: _without_home(item) for name, item in value.items()}
    return [_without_home(item) for item in value] if isinstance(value, list) else value
