"""How much memory is free, and how much this process has taken."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlx_convert_core.base.mac import sysctl_number

_MANY_OBJECTS = 200_000  # new ones between two looks; a plan of the largest models makes a million
_LARGE = 36 << 30  # bytes of memory of a Mac, beyond which its GPU is lent a larger share


def free_memory() -> int:
    """Bytes of memory that programs can still take.

    On a Mac what is free and inactive says little: it fills memory with files and drops them when it is needed. Its own
    measure, in per cent, is the one that `memory_pressure` prints.
    """
    import psutil

    memory = psutil.virtual_memory()
    level = sysctl_number("kern.memorystatus_level") if sys.platform == "darwin" else None
    return max(int(memory.available), int(memory.total) * (level or 0) // 100)


def peak_memory() -> int:
    """The most memory (bytes, resident) that this process has taken so far."""
    if sys.platform == "linux":
        # ru_maxrss begins there with the peak of the program that started this one; VmHWM (proc(5), in kB) does not.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_memory() -> int:
    """The memory (bytes, resident) that this process takes now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def give_back_memory() -> None:
    """Give the system what this process has let go of, also in circles: allocators keep much of it for later.

    (glibc's malloc_trim(3); malloc_zone_pressure_relief of a Mac's <malloc/malloc.h>.)
    """
    gc.collect()
    system = ctypes.CDLL(None)
    for name, *arguments in (("malloc_trim", 0), ("malloc_zone_pressure_relief", None, 0)):
        if hasattr(system, name):
            getattr(system, name)(*arguments)


@contextmanager
def few_collections() -> Iterator[None]:
    """Have Python look for circles of garbage seldom: in a hundred thousand objects that stay, it finds none.

    For what ends soon: what is in a circle keeps its memory meanwhile.
    """
    usual = gc.get_threshold()
    if usual[0] >= _MANY_OBJECTS:  # another thread's, or the program's own choice
        yield
        return
    gc.set_threshold(_MANY_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def lent_memory() -> int:
    """Bytes that a program can have to compute with, told without asking the GPU's own library.

    A Mac's GPU is lent two thirds of the memory, of more than 36 GB three quarters, unless somebody has set
    ``iogpu.wired_limit_mb``; Metal's recommendedMaxWorkingSetSize says the same where it can be asked.
    """
    import psutil

    total = int(psutil.virtual_memory().total)
    if sys.platform != "darwin":
        return total
    chosen = sysctl_number("iogpu.wired_limit_mb") or 0
    return chosen << 20 if chosen > 0 else total * 3 // 4 if total > _LARGE else total * 2 // 3
