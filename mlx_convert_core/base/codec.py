"""Our data types to and from JSON, with validation, through msgspec; paths travel as text.

Whatever mlx-convert says or keeps as JSON is written by `to_json`. Files whose layout belongs to others (config.json,
a tokenizer, a header of weights) are written where that layout is known.

JSON is UTF-8, and text of others may not be: half of a surrogate pair, a byte in a file's name. It is written out
in what is said about it (``\\xfc``), and refused where it would be used.
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mlx_convert_core.base.paths import in_text

T = TypeVar("T")
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_making = threading.Lock()
_HALF = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")  # what may become half of a surrogate pair


def to_json(value: Any, *, indent: bool = False) -> bytes:
    """``value``, one of our data types or made of them, as JSON: a line, or indented with a newline at the end."""
    try:
        data = msgspec.json.encode(value, enc_hook=_to_json)
    except UnicodeEncodeError:
        data = msgspec.json.encode(_in_text(plain(value)))
    return msgspec.json.format(data, indent=2) + b"\n" if indent else data


def decode(data: bytes | str, kind: Any) -> Any:
    """``data`` as a ``kind``; raises msgspec.ValidationError or msgspec.DecodeError when it is none."""
    try:
        return decoder(kind).decode(data)
    except UnicodeError as error:  # msgspec's own only when text of Python's can't be encoded, or bytes are no UTF-8
        raise msgspec.DecodeError(f"it is not UTF-8: {error}") from None


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """What decodes a ``kind``, and has everything that msgspec keeps about that type made.

    msgspec keeps it with the type when it is first used, and gives other threads what is only half made: they end the
    process (msgspec 0.22, a segmentation fault). So one thread at a time meets a new type, and nobody decodes into a
    type of ours but through here.
    """
    found = _decoders.get(kind)
    if found is None:
        with _making:
            found = _decoders.setdefault(kind, msgspec.json.Decoder(kind, dec_hook=_from_json))
    return found


def from_plain(value: Any, kind: type[T]) -> T:
    """``value``, made of plain dicts and lists, as a ``kind``; raises msgspec.ValidationError."""
    decoder(kind)
    return msgspec.convert(value, type=kind, dec_hook=_from_json)


def plain(value: Any) -> Any:
    """``value`` as plain dicts, lists, numbers and strings, as `to_json` writes them."""
    return msgspec.to_builtins(value, enc_hook=_to_json)


def read_json(data: bytes, **options: Any) -> Any:
    """JSON of others; raises ValueError as `json.loads`, also when a text in it is half of a surrogate pair."""
    found = json.loads(data, **options)
    if b"\0" not in data and not _HALF.search(data):  # a NUL: it is UTF-16 or UTF-32, which `json.loads` takes, too
        return found
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        code = f"\\u{ord(error.object[error.start]):04x}"
        raise ValueError(f"{code} is half of a character") from None
    return found


def _in_text(value: Any) -> Any:
    if isinstance(value, str):
        return in_text(value)
    if isinstance(value, dict):
        return {_in_text(key): _in_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_in_text(item) for item in value]
    return value


def _to_json(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} can't be written as JSON")


def _from_json(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return kind(value)
    raise NotImplementedError(f"{kind.__name__} can't be read from JSON")
