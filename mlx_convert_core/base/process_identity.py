"""Which process something belongs to, and whether that process still lives."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

_TOLERANCE = 1.0  # seconds, or ticks of which there are a hundred a second


def identity(pid: int | None = None) -> dict[str, Any]:
    """A process (by default this one) so that it can be told from a later one with the same number."""
    pid = os.getpid() if pid is None else pid
    return {"pid": pid, "started": _started(psutil.Process(pid)), "boot": _boot()}


def alive(owner: Mapping[str, Any]) -> bool:
    """Whether the process with this `identity` runs; raises KeyError, TypeError or ValueError when it is none."""
    pid, began = int(owner["pid"]), float(owner["started"])
    if owner.get("boot", "") != _boot():
        return False
    try:
        process = psutil.Process(pid)
        return abs(_started(process) - began) < _TOLERANCE and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return False
    except (psutil.AccessDenied, PermissionError):
        return True


def _started(process: psutil.Process) -> float:
    """When a process started, by a clock that nobody sets.

    Linux tells it in ticks since the machine's start; psutil adds the time of that start, which moves when the clock
    is set, so that a living process would seem another one. A Mac keeps the time itself, as it was then.
    """
    if sys.platform != "linux":
        return process.create_time()
    fields = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()
    return float(fields[19])  # starttime, the 22nd of all: man 5 proc


def _boot() -> str:
    """Which start of the machine it was, where ticks count from it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip() if sys.platform == "linux" else ""
