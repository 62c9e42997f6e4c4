"""What a process says of its own memory."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from mlx_convert_core.base import memory
from mlx_convert_core.base.memory import free_memory

# Holds much memory, then starts another process and has it tell its peak.
LARGE_PARENT = """
import subprocess, sys
held = bytearray(b"1") * 400_000_000
told = "from mlx_convert_core.base.memory import peak_memory; print(peak_memory())"
print(subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout)
"""


def test_a_peak_is_that_of_the_process_and_not_of_the_one_that_started_it() -> None:
    told = subprocess.run([sys.executable, "-c", LARGE_PARENT], capture_output=True, text=True, check=True)
    assert 1_000_000 < int(told.stdout) < 200_000_000


def test_a_peak_holds_what_was_taken_and_given_back() -> None:
    script = "from mlx_convert_core.base.memory import peak_memory\nbytearray(b'1') * 300_000_000\nprint(peak_memory())"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(told.stdout) > 300_000_000


def test_a_mac_tells_what_it_can_free_and_not_only_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    total = psutil.virtual_memory().total
    monkeypatch.setattr(memory, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(memory, "sysctl_number", {"kern.memorystatus_level": 100}.get)
    assert free_memory() == total
    monkeypatch.setattr(memory, "sysctl_number", lambda name: None)
    assert 0 < free_memory() < total
