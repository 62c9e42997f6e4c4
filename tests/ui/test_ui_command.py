"""`mlx-convert ui` as a program: what it needs, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

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
    with running(home, "--no-browser") as (program, url):
        assert "MLX Convert" in visit(url)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            visit(url.partition("?")[0])
        os.killpg(program.pid, how)  # as a terminal does: the whole group
        _, told = program.communicate(timeout=PATIENCE)
    assert (program.returncode, told) == (0, "")
    with pytest.raises(ProcessLookupError):
        os.killpg(program.pid, 0)


def test_the_browser_is_told_a_key_that_works_once(home: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.txt"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {told}.part && mv {told}.part {told}\n')
    browser.chmod(0o755)
    with running(home, BROWSER=str(browser)) as (_, url):
        address = _written(told).strip()
        assert _token(url) not in address
        assert "MLX Convert" in visit(address)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            visit(address)
        assert "MLX Convert" in visit(url)


def test_a_window_is_told_the_key_where_nobody_else_can_read_it_and_lets_select_and_save(
    home: Path, tmp_path: Path
) -> None:
    told = tmp_path / "told.json"
    (tmp_path / "webview.py").write_text(
        "import json, os, psutil, time\n"
        "settings = {'ALLOW_DOWNLOADS': False}\n"
        "def create_window(title, url, **options):\n"
        "    seen = {'url': url, 'arguments': psutil.Process().cmdline(), 'options': options, 'settings': settings}\n"
        f"    open('{told}.part', 'w').write(json.dumps(seen))\n"
        f"    os.rename('{told}.part', '{told}')\n"
        f"def start(): time.sleep({PATIENCE})\n"
    )
    with running(home, "--native", PYTHONPATH=str(tmp_path)) as (_, url):
        seen = json.loads(_written(told))
        assert seen["url"] == url
        assert _token(url) not in " ".join(seen["arguments"])
        assert seen["options"]["text_select"] is True
        assert seen["settings"] == {"ALLOW_DOWNLOADS": True}


def test_a_token_is_taken_from_the_environment_and_not_handed_on(home: Path) -> None:
    with running(home, "--no-browser", MLX_CONVERT_UI_TOKEN="a-token-of-my-own") as (_, url):
        assert _token(url) == "a-token-of-my-own"
        assert "MLX Convert" in visit(url)
    code = (
        "import os; from mlx_convert_ui.shell import serving; from mlx_convert_ui.shell.command import ui;"
        "serving.serve = lambda **options: print(options['token'], *os.environ); ui([])"
    )
    environment = {**os.environ, "MLX_CONVERT_UI_TOKEN": "mine"}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert told.stdout.startswith("mine ")
    assert "MLX_CONVERT_UI_TOKEN" not in told.stdout


def test_250_connections_that_ask_nothing_do_not_keep_a_page_from_coming(home: Path) -> None:
    limit = ("bash", "-c", 'ulimit -n 256; exec "$@"', "bash")  # what macOS gives a program
    with running(home, "--no-browser", under=limit) as (_, url), ExitStack() as stack:
        parts = urlsplit(url)
        for _ in range(250):
            connection = stack.enter_context(socket.create_connection((parts.hostname, parts.port), PATIENCE))
            connection.sendall(b"GET / HTTP/1.1\r\n")
        assert "MLX Convert" in visit(url)


@contextmanager
def running(
    home: Path, *options: str, under: Sequence[str] = (), **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program, started by the command ``under``, and the address that it prints; in the end it is stopped."""
    program = subprocess.Popen(
        [*under, *_mlx_convert(), "ui", "--json", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(home), **environment},
        start_new_session=True,
    )
    try:
        assert program.stdout is not None
        yield program, json.loads(program.stdout.readline())["url"]
    finally:
        if program.poll() is None:
            program.terminate()
            program.communicate(timeout=PATIENCE)


def visit(url: str) -> str:
    """The page at ``url`` as a new browser gets it."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page: str = opener.open(url, timeout=PATIENCE).read().decode()
    return page


def _token(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def _written(path: Path) -> str:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} was never written"
        time.sleep(0.02)
    return path.read_text()


def _mlx_convert() -> list[str]:
    return [str(Path(sys.executable).with_name("mlx-convert"))]
