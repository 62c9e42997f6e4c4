"""How much memory is free, and how much this process has taken."""

from __future__ import annotations

import resource
import sys

import psutil


def free_memory() -> int:
    """Bytes of memory that programs can still take."""
    return int(psutil.virtual_memory().available)


def peak_memory() -> int:
    """The most memory (bytes, resident) that this process has taken so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
