"""`mlx_convert.json`: how a converted folder came to be. Written in one place, read in this one.

Whoever made the folder may have written anything into the file, and an older or a newer program something else: each
field that is not of its type is left out, and the rest counts. What a record says is public: it names no place of
the machine that it was made on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from mlx_convert_core.base import codec
from mlx_convert_core.base.addresses import bare_address
from mlx_convert_core.base.file_names import RECORD
from mlx_convert_core.base.limits import RECORD_BYTES
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.choosing import Chosen
from mlx_convert_core.model.figures import Figure
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.left_out import LeftOut
from mlx_convert_core.model.quantization import KeptLayer, QuantizedLayer
from mlx_convert_core.model.rounding import Calibration
from mlx_convert_core.model.verification import Verification

SCHEMA = 1
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_SEGMENT = r"[^\s'\"<>|/]+"
# An absolute path of two names or more, or one in a home folder; "/think" and "</s>" are none.
_PLACE = re.compile(rf"(?<![\w/:.<])(?:~[\w.-]*|/{_SEGMENT})(?:/{_SEGMENT})*/({_SEGMENT})")


class RecordedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A published file: bytes and sha256 in hex."""

    size: int = 0
    sha256: str = ""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What was converted: a repo id with its commit, or the last name of what lay on somebody's machine."""

    ref: str = ""
    revision: str | None = None


class RecordedAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter that was fused: a repo id with its commit, or the name of a folder, and its weights' sha256 in hex."""

    ref: str = ""
    revision: str | None = None
    sha256: str = ""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What was written: bytes of the weight files, values, and bits per value, scales included."""

    bytes: int = 0
    parameters: int = 0
    bits_per_weight: float = 0.0


class StoredSize(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a layer: bits for each value, without its scales, and bytes with them."""

    bits: int = 0
    bytes: int = 0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """How a converted folder came to be.

    ``recipe`` holds the numbers that make it again, ``label`` says in a word what they make where that is not the
    preset as it is; ``created`` is a time in ISO 8601, ``files`` are by name, ``measurements`` figures, perhaps in
    groups. ``calibration`` is the text that a method of rounding went by, or that the numbers of layers were chosen
    by; ``chosen`` and ``layers`` say how they were, and what they are. ``stored`` has the size of each layer, by its
    path. ``left_out`` and ``text_only`` say what of the source is not in it, ``dequantize`` that packed layers were
    read as plain numbers, ``allow_overflow`` that values which became infinite were agreed to. ``verification``
    is what was seen when it was tried, None when it was not. ``adapters`` were fused into it, in this order.
    """

    schema: int = SCHEMA
    created: str = ""
    source: Source = Source()
    recipe: dict[str, str | int | float | None] = {}
    label: str = ""
    versions: dict[str, str] = {}
    weights: Weights = Weights()
    calibration: Calibration | None = None
    chosen: Chosen | None = None
    layers: tuple[QuantizedLayer, ...] = ()
    stored: dict[str, StoredSize] = {}
    kept_layers: tuple[KeptLayer, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    text_only: bool = False
    dequantize: bool = False
    allow_overflow: bool = False
    adapters: tuple[RecordedAdapter, ...] = ()
    findings: tuple[Finding, ...] = ()
    verification: Verification | None = None
    measurements: dict[str, Figure | dict[str, Figure]] = {}
    files: dict[str, RecordedFile] = {}


def read_record(folder: Path) -> Record | None:
    """The record in ``folder``; None when there is none that can be read."""
    try:
        return parse_record(read_regular(folder / RECORD, RECORD_BYTES, within=folder))
    except (OSError, CorruptCheckpoint):
        return None


def parse_record(data: bytes) -> Record | None:
    """A record from its bytes, as far as it makes sense; None when they are no JSON object."""
    try:
        found = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return None
    return _taken(found, Record) if isinstance(found, dict) else None


def encode_record(record: Record, private: Iterable[str] = ()) -> bytes:
    """``record`` as it is written and sent: public, as `public_record` says."""
    return codec.to_json(public_record(record, private), indent=True)


def public_record(record: Record, private: Iterable[str] = ()) -> Record:
    """``record`` without places of a machine: of the source its last name, and so of every path in a text; those in
    the folders ``private`` and above are known even where a name has spaces."""
    ref = record.source.ref
    places = [*private, str(Path.home()), *([ref] if _is_place(ref) else [])]
    source = Source(ref=public_ref(ref), revision=record.source.revision)
    rest = {name: _public(value, places) for name, value in codec.plain(record).items() if name != "source"}
    return codec.from_plain({**rest, "source": codec.plain(source)}, Record)


def public_ref(ref: str) -> str:
    """What was converted, as others may see it: of a place on this machine its last name, of an address no secret."""
    if "://" in ref and not ref.startswith("file:"):
        return _bare(ref)
    return PurePosixPath(ref).name if _is_place(ref) else ref


def public_text(text: str, private: Iterable[str] = ()) -> str:
    """``text`` with every path cut to its last name, those above or in a ``private`` one also where names have spaces,
    and with every address cut to scheme, host and path. A home folder becomes ``~``."""
    above = {str(folder) for place in map(PurePosixPath, private) for folder in (place, *place.parents)}
    known = sorted((folder for folder in above if folder.count("/") > 1), key=len, reverse=True)
    if known:
        places = rf"({'|'.join(map(re.escape, known))})(?:(/)|(?![\w.-]))"
        text = re.sub(places, lambda found: "" if found[2] else _name_of(found[1]), text)
    return _PLACE.sub(r"\1", _ADDRESS.sub(lambda found: _bare(found[0]), text))


def _name_of(folder: str) -> str:
    return "~" if folder == str(Path.home()) or folder.count("/") == 2 else PurePosixPath(folder).name


def _is_place(ref: str) -> bool:
    """Whether ``ref`` can only be a path: ``org/name`` may be a repo too, and names no machine."""
    return ref.startswith(("/", "~", ".", "file:")) or (ref.count("/") > 1 and "://" not in ref)


def _public(value: Any, private: list[str]) -> Any:
    if isinstance(value, str):
        return public_text(value, private)
    if isinstance(value, dict):
        return {public_text(key, private): _public(item, private) for key, item in value.items()}
    return [_public(item, private) for item in value] if isinstance(value, list | tuple) else value


def _bare(address: str) -> str:
    try:
        return bare_address(address)
    except ValueError:
        return "…"


def _taken(value: Any, kind: Any) -> Any:
    """``value`` as a ``kind``, without those of its parts that are of a wrong type; raises msgspec.ValidationError."""
    parts = get_args(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        hints = _types(kind)
        return kind(**dict(_each((name, value[name], hints[name]) for name in hints if name in value)))
    if get_origin(kind) is dict and isinstance(value, dict):
        return dict(_each((name, item, parts[1]) for name, item in value.items()))
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(item for _, item in _each(("", item, parts[0]) for item in value))
    return codec.from_plain(value, kind)


@cache
def _types(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The type of each field; evaluating them takes longer than reading a whole record by them."""
    return get_type_hints(kind)


def _each(parts: Iterable[tuple[str, Any, Any]]) -> Iterator[tuple[str, Any]]:
    for name, value, kind in parts:
        try:
            yield name, _taken(value, kind)
        except (msgspec.ValidationError, OverflowError):
            continue
