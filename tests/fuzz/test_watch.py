"""What an input may not do is noticed, and the input is named and kept."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from fuzz import watch
from fuzz.loop import SEED, Case, Fuzz, told
from mlx_convert_core import InvalidRequest, PluginError

WRONG: dict[str, tuple[Callable[[Case], object], str]] = {
    "an error of somebody else": (lambda case: [][case.number], "IndexError"),
    "a plugin at fault": (lambda case: _raise(PluginError("a plugin raised.")), "plugin_error"),
    "a fault on the way": (lambda case: told(lambda: _raise(PluginError("a plugin raised."))), "plugin_error"),
    "text that is none": (lambda case: _raise(_unencodable()), "can't be encoded"),
    "a wait without end": (lambda case: time.sleep(600), "took too long"),
    "a loop without end": (lambda case: [number for number in count() if number < 0], "took too long"),
    "a file elsewhere": (lambda case: (case.folder.parent.parent / "stray").write_text(""), "open changed"),
    "a file in the working folder": (lambda case: Path("stray").write_text(""), "changed something in"),
    "a look outside": (lambda case: (case.folder / "../outside/secret.txt").read_text(), "open reached"),
    "a folder elsewhere": (lambda case: (case.folder.parent.parent / "stray-folder").mkdir(), "os.mkdir changed"),
    "a program": (lambda case: subprocess.run([sys.executable, "-c", ""], check=True).args, "started a program"),
    "much memory": (lambda case: len(b"x" * (2 * watch.MEMORY_BYTES)), "MB"),
}


def _unencodable() -> InvalidRequest:
    error = InvalidRequest("no.")
    error.message = "no \udcff"  # the constructor would write it out
    return error


def _raise(error: Exception) -> object:
    raise error


@pytest.mark.parametrize("amount", ["sampled"])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_an_input_may_not_do_is_noticed(
    wrong: str, fuzz: Fuzz, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "without end" in wrong:
        monkeypatch.setattr(watch, "WAIT_SECONDS" if "wait" in wrong else "HANG_SECONDS", 0.5)
    monkeypatch.setattr(watch, "MEMORY_BYTES", 100_000_000)
    attempt, named = WRONG[wrong]
    with pytest.raises(AssertionError, match=named):
        fuzz("odd inputs", 30, attempt)
    assert (tmp_path / f"odd-inputs-{SEED}-0").is_dir()
