"""A process is known again, whatever happens to the clock, and never taken for another one."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from mlx_convert_core.base.process_identity import alive, identity


def test_a_process_is_alive_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = identity(process.pid)
        assert alive(owner)
        assert process.stdin is not None
        process.stdin.close()
    assert not alive(owner)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts from a time that moves with the clock")
def test_a_clock_that_is_set_makes_nobody_another(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = identity()
    create_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) + 3600)
    assert alive(owner)


def test_the_same_number_after_another_start_is_somebody_else() -> None:
    assert not alive({**identity(), "started": 1.0})
    assert not alive({**identity(), "boot": "another start of the machine"})
    assert alive(identity(os.getpid()))
