"""The zip files that `torch.save` writes: where each record lies, so that it is read in place.

Records are stored, never packed, each at a multiple of 64 bytes. Only the directory at the end is believed, and only
what fits into the file. Source of the format: APPNOTE.TXT, 4.3.7 to 4.3.16.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlx_convert_core.base.limits import HEADER_BYTES
from mlx_convert_core.errors import CorruptCheckpoint

MAGIC = b"PK\x03\x04"
Read = Callable[[int, int], bytes]
"""Gives the bytes of a file from one position to another, or fewer where it ends."""
_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY = b"PK\x01\x02"
_TAIL = 22 + 65535 + 20  # the last record, a comment behind it, the locator before it
_HERE = 30  # bytes of a record's own header, before its name
_FULL = 0xFFFFFFFF  # stands for a number that a further field has


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record: its own header begins at ``header``, and ``size`` bytes follow that."""

    header: int
    size: int


def records(read: Read, size: int, file: str) -> Mapping[str, Record]:
    """The records of the zip file called ``file``, of ``size`` bytes, by their names without the archive's own.

    Raises CorruptCheckpoint (codes ``truncated``, ``corrupt_header``, ``torch_format`` for packed ones).
    """
    try:
        start, length = _directory(read, size)
    except (ValueError, struct.error):
        raise CorruptCheckpoint(
            f"{file} has no list of what is in it at its end, so it is cut short.",
            hint="Download this file again.",
            code="truncated",
        ) from None
    if length > HEADER_BYTES:
        raise damaged(file)
    try:
        found = _entries(read(start, start + length), size, file)
    except (ValueError, struct.error):
        raise damaged(file) from None
    return found


def data_start(read: Read, record: Record, file: str) -> int:
    """Where the bytes of a record begin; its own header has the room that was left for their alignment."""
    here = read(record.header, record.header + _HERE)
    if len(here) != _HERE or not here.startswith(MAGIC):
        raise damaged(file)
    name, extra = struct.unpack("<HH", here[26:30])
    return int(record.header + _HERE + name + extra)


def damaged(file: str) -> CorruptCheckpoint:
    """The error for a file whose parts contradict each other."""
    return CorruptCheckpoint(
        f"{file} is damaged: what it says of its parts does not fit.",
        hint="Download this file again.",
        code="corrupt_header",
    )


def _directory(read: Read, size: int) -> tuple[int, int]:
    """Where the directory begins, and its length; raises ValueError."""
    before = max(0, size - _TAIL)
    tail = read(before, size)
    at = tail.rindex(_END)
    length, start = struct.unpack("<II", tail[at + 12 : at + 20])
    place = tail[at - 20 : at] if at >= 20 else b""
    if place.startswith(_LOCATOR):
        where = struct.unpack("<Q", place[8:16])[0]
        record = read(where, where + 56) if where < size else b""
        if not record.startswith(_END64):
            raise ValueError
        length, start = struct.unpack("<QQ", record[40:56])
    if start + length > size:
        raise ValueError
    return start, length


def _entries(data: bytes, size: int, file: str) -> dict[str, Record]:
    found: dict[str, Record] = {}
    at = 0
    while data[at : at + 4] == _ENTRY:
        flags, method = struct.unpack("<HH", data[at + 8 : at + 12])
        packed, whole, name_length, extra, comment = struct.unpack("<IIHHH", data[at + 20 : at + 34])
        header = struct.unpack("<I", data[at + 42 : at + 46])[0]
        name = data[at + 46 : at + 46 + name_length].decode()
        further = data[at + 46 + name_length : at + 46 + name_length + extra]
        whole, packed, header = _wide(further, [whole, packed, header])
        if method or flags & 1 or whole != packed:
            raise CorruptCheckpoint(
                f"{file} is a packed zip file, and torch.save packs nothing: it is not read.",
                hint="Download the file again, or unpack it if it holds the model's files.",
                code="torch_format",
            )
        if header + _HERE + whole > size:
            raise ValueError
        found[name.partition("/")[2] or name] = Record(header=header, size=whole)
        at += 46 + name_length + extra + comment
    return found


def _wide(further: bytes, numbers: list[int]) -> list[int]:
    """``numbers`` with those that take more than 32 bits, out of the entry's further fields."""
    at = 0
    while at + 4 <= len(further):
        kind, length = struct.unpack("<HH", further[at : at + 4])
        if kind == 1:
            rest = iter(struct.unpack(f"<{length // 8}Q", further[at + 4 : at + 4 + length // 8 * 8]))
            return [next(rest, number) if number == _FULL else number for number in numbers]
        at += 4 + length
    return numbers
