"""Our data types to and from JSON, with validation, through msgspec; paths travel as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def encode(value: Any) -> bytes:
    """``value`` as one line of JSON."""
    return msgspec.json.encode(value, enc_hook=_to_json)


def encode_pretty(value: Any) -> bytes:
    """``value`` as indented JSON that a person can read, with a newline at the end."""
    return msgspec.json.format(encode(value), indent=2) + b"\n"


def decode(data: bytes | str, kind: Any) -> Any:
    """``data`` as a ``kind``; raises msgspec.ValidationError or msgspec.DecodeError when it is none."""
    return msgspec.json.decode(data, type=kind, dec_hook=_from_json)


def convert(value: Any, kind: type[T]) -> T:
    """``value``, made of plain dicts and lists, as a ``kind``; raises msgspec.ValidationError."""
    return msgspec.convert(value, type=kind, dec_hook=_from_json)


def plain(value: Any) -> Any:
    """``value`` as plain dicts, lists, numbers and strings."""
    return msgspec.to_builtins(value, enc_hook=_to_json)


def _to_json(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} can't be written as JSON")


def _from_json(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return kind(value)
    raise NotImplementedError(f"{kind.__name__} can't be read from JSON")
