"""The Hub's list of models, asked for in one bounded request; each row of it is a stranger's text, and distrusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from mlx_convert_core.plugin import FoundModel, hub_names, is_text, quantization_config, read_json
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.client.patience import OddAnswer, within

FIELDS = ("config", "downloads", "gated", "lastModified", "library_name", "likes", "safetensors", "tags")
LONGEST = 200  # characters of a name or a word in a row
_BITS = {"F64": 64, "F32": 32, "I32": 32, "U32": 32, "I64": 64, "U64": 64, "F16": 16, "BF16": 16, "I16": 16, "U16": 16}
_MOST = 1 << 60  # values, or bytes, that a row may claim
_BASE, _LICENCE = "base_model:", "license:"


def listed(connection: HubConnection, seconds: float, **asked: Any) -> tuple[FoundModel, ...]:
    """The models of /api/models for ``asked``, as `HfApi.list_models` would ask for them.

    Raises what the client raises, OddAnswer, and TooSlow after ``seconds``.
    """
    rows = _asked(connection, seconds, "/api/models", **asked)
    if not isinstance(rows, list):
        raise OddAnswer("its list of models is none")
    return tuple(_found(row) for row in rows if isinstance(row, dict) and hub_names.is_repo_id(str(row.get("id"))))


def row_of(connection: HubConnection, repo_id: str, seconds: float) -> FoundModel | None:
    """What the list says of ``repo_id`` alone, None when that is nothing. Raises as `listed`."""
    row = _asked(connection, seconds, f"/api/models/{repo_id}")
    return _found(row) if isinstance(row, dict) and hub_names.is_repo_id(str(row.get("id"))) else None


def _asked(connection: HubConnection, seconds: float, path: str, **asked: Any) -> Any:
    brief = replace(connection, timeout=seconds, answer_seconds=seconds)
    response = within(seconds, lambda: brief.get(path, expand=list(FIELDS), **asked))
    try:
        return read_json(response.content)
    except (ValueError, RecursionError):
        raise OddAnswer("its list of models is not JSON") from None


def _found(row: Mapping[str, Any]) -> FoundModel:
    tags = list(_words(row.get("tags")))
    library = _word(row.get("library_name")) or ("mlx" if "mlx" in tags else "")
    counts = _counts(row.get("safetensors"))
    return FoundModel(
        ref=str(row["id"]),
        parameters=sum(counts.values()),
        stored_bytes=sum(count * _BITS.get(kind, 8) // 8 for kind, count in counts.items()),
        config=_config(row.get("config")),
        library=library,
        ready=library == "mlx" or "mlx" in tags,
        base_models=tuple(dict.fromkeys(filter(hub_names.is_repo_id, _after(_BASE, tags)))),
        downloads=_number(row.get("downloads")),
        likes=_number(row.get("likes")),
        licence=next(_after(_LICENCE, tags), ""),
        updated=_time(row.get("lastModified")),
        gated=bool(row.get("gated")),
    )


def _config(given: Any) -> dict[str, Any]:
    """As much of config.json as tells the architecture and how the numbers are stored."""
    if not isinstance(given, dict):
        return {}
    kept: dict[str, Any] = {"model_type": _word(given.get("model_type"))}
    kept["architectures"] = list(_words(given.get("architectures")))
    packed = quantization_config(given)
    if packed is not None:
        method, bits = _word(packed.get("quant_method")), _number(packed.get("bits"))
        kept["quantization_config"] = {"quant_method": method, "bits": bits}
    return {name: value for name, value in kept.items() if value}


def _counts(given: Any) -> dict[str, int]:
    """How many values there are of each stored type."""
    counts = given.get("parameters") if isinstance(given, dict) else None
    if not isinstance(counts, dict):
        return {}
    return {str(kind): number for kind, count in counts.items() if (number := _number(count))}


def _number(given: Any) -> int | None:
    return given if type(given) is int and 0 <= given <= _MOST else None


def _word(given: Any) -> str:
    return given if isinstance(given, str) and len(given) <= LONGEST and given.isprintable() and is_text(given) else ""


def _words(given: Any) -> Iterator[str]:
    return filter(None, map(_word, given if isinstance(given, list) else ()))


def _after(start: str, tags: list[str]) -> Iterator[str]:
    return (tag.removeprefix(start) for tag in tags if tag.startswith(start))


def _time(given: Any) -> str:
    try:
        return datetime.fromisoformat(_word(given)).isoformat(timespec="seconds")
    except ValueError:
        return ""
