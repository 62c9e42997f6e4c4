"""Ctrl-C before the program has begun, and when it has ended: 130 or the outcome, and never a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# The program, with Ctrl-C at the moment when the module of that name is asked for.
AT_IMPORT = """
import os, signal, sys

moments = [sys.argv.pop(1)]

def told(event, arguments):
    if event == "import" and arguments[0] in moments:
        moments.clear()
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(told)
from mlx_convert_cli.start import main
main()
"""
# The program, with Ctrl-C when it waits for threads at its end, or is being taken down.
AT_EXIT = """
import os, signal, sys, threading, time

def interrupt(*_):
    os.kill(os.getpid(), signal.SIGINT)

class Late:
    __del__ = interrupt

if sys.argv[1] == "a thread is left":
    def linger():
        while threading.main_thread().is_alive():
            time.sleep(0.01)
        interrupt()
        time.sleep(60)
    threading.Thread(target=linger).start()
else:
    sys.late = Late()
from mlx_convert_cli.start import main
sys.argv[1:] = ["presets"]
main()
"""


def ended(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("mlx_convert_cli.main", "presets"),
        ("click", "presets"),
        ("mlx_convert_cli.options", "presets"),
        ("mlx_convert_core.plugins.loading", "ui"),
        ("mlx_convert_ui.shell.serving", "ui"),
    ],
)
def test_ctrl_c_while_it_starts(module: str, command: str) -> None:
    end = ended(AT_IMPORT, module, command)
    assert end.returncode == 130
    assert end.stdout == ""
    assert end.stderr in ("", "cancelled.\n", "\ncancelled.\n")


def test_ctrl_c_while_it_waits_for_a_thread_at_its_end() -> None:
    end = ended(AT_EXIT, "a thread is left")
    assert (end.returncode, end.stderr) == (130, "")


def test_ctrl_c_when_all_is_done_changes_nothing() -> None:
    end = ended(AT_EXIT, "taken down")
    assert (end.returncode, end.stderr) == (0, "")
    assert "4bit" in end.stdout


def test_where_ctrl_c_is_ignored_it_stays_so() -> None:
    ignoring = f"import signal; signal.signal({signal.SIGINT}, signal.SIG_IGN)\n"
    end = ended(ignoring + AT_IMPORT, "mlx_convert_cli.options", "presets")
    assert (end.returncode, end.stderr) == (0, "")
    assert "4bit" in end.stdout
