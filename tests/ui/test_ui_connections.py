"""Connections that ask for nothing take nothing away from those that do."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest
import uvicorn
from mlx_convert_ui.shell import patience

PATIENCE = 60
HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer at once; ``/slow`` takes its time, and a websocket says what it hears."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await asyncio.sleep(3 * patience.SECONDS)
        await send({"type": "websocket.send", "text": "still here"})
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * patience.SECONDS)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Start a server that waits for 0.3 s."""
    monkeypatch.setattr(patience, "SECONDS", 0.3)
    config = uvicorn.Config(
        app, log_level="error", lifespan="off", http=patience.ImpatientProtocol, ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(PATIENCE)


@pytest.mark.parametrize(
    "sent", [b"", HALF, HALF + b"\r\nGET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"]
)
def test_a_connection_without_a_whole_request_is_closed(port: int, sent: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(sent)
        closed(connection)


def test_an_answer_may_take_longer(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/slow")
    assert connection.getresponse().read() == b"ok"
    connection.request("GET", "/slow")
    assert connection.getresponse().read() == b"ok", "and so may the next on the same connection"
    connection.close()


def test_a_websocket_stays_open(port: int) -> None:
    head = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    head += b"Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n"
    with connected(port) as connection:
        connection.sendall(HALF + head + b"\r\n")
        said = b""
        while b"still here" not in said:
            came = connection.recv(4096)
            assert came, said
            said += came


def test_when_too_many_wait_the_longest_waiting_goes(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS", float(PATIENCE))
    monkeypatch.setattr(patience, "MOST", 5)
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(port)) for _ in range(7)]
        for connection in waiting[:2]:
            closed(connection)
        for connection in waiting[2:]:
            connection.sendall(HALF + b"\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def test_the_limit_of_open_files_is_raised_as_far_as_it_goes() -> None:
    code = (
        "import resource; from mlx_convert_ui.shell.patience import allow_open_files; allow_open_files();"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    for limits, wanted in (("-Sn 256", "2000"), ("-Hn 300", "300")):
        limited = f"ulimit -Sn 256; ulimit -Hn 2000; ulimit {limits}; exec '{sys.executable}' -c '{code}'"
        told = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, check=True)
        assert told.stdout.split() == [wanted, wanted]


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        yield connection


def closed(connection: socket.socket) -> None:
    """Read until the other side closes; answers that come before that are fine."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
