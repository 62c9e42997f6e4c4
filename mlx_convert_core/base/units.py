"""Figures as people read them, alike everywhere: sizes in decimal units, times in seconds, minutes and hours.

Three digits tell as much as anybody compares, and no more than a measurement is worth.
"""

from __future__ import annotations

import math
import re

_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_TYPED = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?)B?\s*", re.IGNORECASE)
_SCALES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_COUNTS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def size(nbytes: float) -> str:
    """Bytes, as disks and download pages count: ``75.8 MB``, ``4.53 GB``."""
    return _scaled(nbytes, _SIZES) or f"{nbytes:.0f} bytes"


def nbytes(text: str) -> int:
    """The bytes of a size as a person types it, ``6GB`` or ``750 mb``; 0 for what is none."""
    found = _TYPED.fullmatch(text)
    return math.floor(float(found[1]) * _SCALES[found[2].lower()]) if found else 0


def size_of(done: float, total: float) -> str:
    """``30.1 of 75.8 MB``: both in the unit of the total."""
    whole = size(total)
    number, unit = whole.split(" ")
    scale = {name: scale for scale, name in _SIZES}.get(unit, 1)
    decimals = len(number.partition(".")[2])
    return f"{done / scale:.{decimals}f} of {whole}"


def duration(seconds: float) -> str:
    """A time span: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count(number: float) -> str:
    """Parameters: ``135 M``, ``1.24 B``."""
    return _scaled(number, _COUNTS) or f"{number:.0f}"


def bits(value: float) -> str:
    """Bits per weight, for a column that is named so: ``4.50``."""
    return f"{value:.2f}"


def bits_per_weight(value: float) -> str:
    """``4.50 bits per weight``."""
    return f"{bits(value)} bits per weight"


def speed(tokens_per_second: float) -> str:
    """``12.3 tokens/s``."""
    return f"{tokens_per_second:.1f} tokens/s"


def _scaled(value: float, units: tuple[tuple[float, str], ...]) -> str:
    """``value`` in the first unit of which it has one, "" when it has none of any."""
    for scale, unit in units:
        if value >= scale * 0.9995:  # what rounds to 1.00 of it
            return f"{_digits(value / scale)} {unit}"
    return ""


def _digits(value: float) -> str:
    """Three digits: 1.24, 75.8, 269."""
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
