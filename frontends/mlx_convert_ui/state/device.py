"""What machine this is, for the card in the sidebar and the About page."""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil


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
    return Device(name=_name(), computes_on="GPU" if apple else "CPU", apple_silicon=apple)


def memory() -> tuple[int, int]:
    """Bytes of memory in use, and in the machine."""
    found = psutil.virtual_memory()
    return found.total - found.available, found.total


def _name() -> str:
    if sys.platform == "darwin":
        asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        return answer or "Mac"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"{name.split('@')[0].strip()}, {psutil.cpu_count() or 1} cores"
