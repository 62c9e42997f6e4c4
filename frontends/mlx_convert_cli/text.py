"""Figures and names as people read them."""

from __future__ import annotations

from pathlib import Path


def size(nbytes: float) -> str:
    """Bytes in decimal units, three figures: ``75.8 MB``."""
    value = float(nbytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{_figures(value)} {unit}"
        value /= 1000
    return f"{_figures(value)} TB"


def size_of(done: float, total: float) -> str:
    """``30.1 of 75.8 MB``: both in the unit of the total."""
    whole = size(total)
    number, unit = whole.split(" ")
    scale = {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    decimals = len(number.partition(".")[2])
    return f"{done / scale:.{decimals}f} of {whole}"


def seconds(value: float) -> str:
    """A time span: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count(number: int) -> str:
    """A number of parameters: ``135 M``, ``1.24 B``."""
    for scale, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= scale * 0.9995:
            return f"{_figures(number / scale)} {unit}"
    return str(number)


def bits(value: float) -> str:
    """Bits per weight with two decimals."""
    return f"{value:.2f}"


def folder(path: Path) -> str:
    """A path as short as it can be, in one line, for people to read."""
    for base, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path != base and path.is_relative_to(base):
            return one_line(f"{prefix}{path.relative_to(base)}")
    return one_line(str(path))


def nearby(path: Path) -> Path:
    """A path for a command to copy, relative where it lies below the folder that the command is copied in."""
    here = Path.cwd()
    return path.relative_to(here) if path != here and path.is_relative_to(here) else path


def one_line(text: str) -> str:
    """A name in which no line ends."""
    return text.replace("\n", "\\n")


def printable(text: str) -> str:
    """``text`` without what could steer a terminal: control characters, and marks that turn the order of letters.

    Half of a surrogate pair, which no terminal can be sent, is written out: ``\\xfc`` for a byte that is no UTF-8.
    """
    return text.translate(_STEERING) if not text.isascii() or not text.isprintable() else text


def _written_out(code: int) -> str:
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


_CONTROLS = {*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)} - {ord("\n"), ord("\t")}
_STEERING = dict.fromkeys(_CONTROLS, "") | {code: _written_out(code) for code in range(0xD800, 0xE000)}


def _figures(value: float) -> str:
    """Three significant figures: 1.24, 75.8, 269."""
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
