"""Which process something belongs to, and whether that process still lives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import psutil


def identity(pid: int | None = None) -> dict[str, float]:
    """A process (by default this one) so that it can be told from a later one with the same number."""
    pid = os.getpid() if pid is None else pid
    return {"pid": pid, "started": psutil.Process(pid).create_time()}


def alive(owner: Mapping[str, Any]) -> bool:
    """Whether the process with this `identity` runs; raises KeyError, TypeError or ValueError when it is none."""
    pid, began = int(owner["pid"]), float(owner["started"])
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - began) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
