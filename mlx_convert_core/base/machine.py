"""What machine this is, for figures that depend on it."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

import psutil


@cache
def machine_name() -> str:
    """The chip of a Mac, as the system calls it; elsewhere the processor with its cores. Asks the system once."""
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
