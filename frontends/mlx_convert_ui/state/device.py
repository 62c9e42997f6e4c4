"""What machine this is, for the card in the sidebar and the About page."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from functools import cache

import psutil

from mlx_convert_core.plugin import machine_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The machine's name, what MLX computes on, and whether it is a Mac with Apple Silicon."""

    name: str
    computes_on: str
    apple_silicon: bool


@cache
def device() -> Device:
    """Describe this machine; asks the system once."""
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return Device(name=machine_name(), computes_on="GPU" if apple else "CPU", apple_silicon=apple)


def memory() -> tuple[int, int]:
    """Bytes of memory in use, and in the machine."""
    found = psutil.virtual_memory()
    return found.total - found.available, found.total
