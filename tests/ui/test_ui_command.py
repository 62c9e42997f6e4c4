"""`mlx-convert ui` as a program: what it needs, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
from mlx_convert_ui.shell import native

from mlx_convert_core import ConvertRequest, MlxConvertError, Workspace

PATIENCE = 120


def test_the_command_is_offered_by_a_plugin_that_imports_nothing_heavy() -> None:
    code = (
        "import sys; from mlx_convert_core import Workspace; w = Workspace(); assert 'ui' in w.commands(); w.close();"
        "print([name for name in ('nicegui', 'fastapi', 'uvicorn', 'mlx', 'click') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_its_name_is_in_the_metadata_so_that_help_lists_it() -> None:
    told = subprocess.run([*_mlx_convert(), "--help"], capture_output=True, text=True, check=True)
    assert "\n  ui " in told.stdout


def test_a_window_without_pywebview_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MlxConvertError) as error:
        native.require()
    assert "install pywebview" in error.value.hint


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_whoever_has_the_key_and_ends_cleanly_while_a_conversion_waits(
    how: signal.Signals, home: Path, tiny_llama: Path
) -> None:
    with Workspace() as workspace:
        workspace.queue.add(ConvertRequest(ref=str(tiny_llama), preset="4bit", output=str(home / "out")))
    program = subprocess.Popen(
        [*_mlx_convert(), "ui", "--no-browser", "--json", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(home)},
        start_new_session=True,
    )
    try:
        assert program.stdout is not None
        url = json.loads(program.stdout.readline())["url"]
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        assert "MLX Convert" in opener.open(url, timeout=PATIENCE).read().decode()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url.partition("?")[0], timeout=PATIENCE)
        os.killpg(program.pid, how)  # as a terminal does: the whole group
        _, told = program.communicate(timeout=PATIENCE)
    finally:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
            program.communicate()
    assert (program.returncode, told) == (0, "")
    with pytest.raises(ProcessLookupError):
        os.killpg(program.pid, 0)


def _mlx_convert() -> list[str]:
    return [str(Path(sys.executable).with_name("mlx-convert"))]
