"""Figures and names as people read them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click


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
    """A path as short as it can be typed from here."""
    for base, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path != base and path.is_relative_to(base):
            return f"{prefix}{path.relative_to(base)}"
    return str(path)


def typed(path: Path) -> str:
    """A path as an argument of a command to copy."""
    short = folder(path)
    if short.startswith("~/"):
        return "~/" + shlex.quote(short[2:])
    return shlex.quote(short if "/" in short else f"./{short}")


def styled(text: str, **look: Any) -> str:
    """``text`` with colors for a terminal, but not where the user wants none; click drops them in a pipe."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, **look)


def printable(text: str) -> str:
    """``text`` without the control characters that could steer a terminal; names and answers are not ours."""
    return "".join(mark for mark in text if mark in "\n\t" or not _controls(mark))


def _controls(mark: str) -> bool:
    return ord(mark) < 32 or 127 <= ord(mark) < 160


def _figures(value: float) -> str:
    """Three significant figures: 1.24, 75.8, 269."""
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
