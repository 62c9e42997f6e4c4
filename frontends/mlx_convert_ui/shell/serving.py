"""Start and stop: a socket bound before anything heavy is imported, our own uvicorn server, a clean end."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING
from urllib.parse import quote

from mlx_convert_core import InvalidRequest, Workspace
from mlx_convert_ui.shell.native import Window
from mlx_convert_ui.shell.native import require as require_window

if TYPE_CHECKING:
    import uvicorn

PREFERRED_PORT = 8473
StopWith = Callable[["uvicorn.Server"], None]  # has the server end when what it is shown in is closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the UI listens, and the token that opens it."""

    host: str
    port: int
    token: str

    @property
    def url(self) -> str:
        """The address to open, token included."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/?token={quote(self.token, safe='')}"

    @property
    def hosts(self) -> frozenset[str]:
        """The Host headers that are ours."""
        names = {f"[{self.host}]" if ":" in self.host else self.host}
        if _is_loopback(self.host):
            names |= {"127.0.0.1", "localhost", "[::1]"}
        elif self.host in ("0.0.0.0", "::"):
            names |= {"127.0.0.1", "localhost", "[::1]", socket.gethostname().lower(), *_own_addresses()}
        return frozenset(f"{name}:{self.port}" for name in names)


def serve(
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    browser: bool = True,
    native: bool = False,
    as_json: bool = False,
) -> None:
    """Serve the UI until Ctrl-C, SIGTERM or the end of its window, then cancel what runs and leave no process.

    ``port`` None takes the usual one, or any free one when that is taken. ``native`` opens a window instead of the
    browser. Raises InvalidRequest for a ``host`` other than loopback without a ``token``: on a network the token is
    all that protects this machine.
    """
    if not _is_loopback(host) and not token:
        raise InvalidRequest(
            f"{host} can be reached by other machines, so it needs a token of your own.",
            hint="Leave --host out, or better, use an SSH tunnel. To go on: --token SOMETHING-LONG.",
            code="open_bind",
        )
    if native:
        require_window()
    sock = _bind(host, port)
    address = Address(host=host, port=sock.getsockname()[1], token=token or secrets.token_urlsafe(24))
    _announce(address, as_json=as_json)
    # The socket listens already, so browser and window may knock while Python still imports.
    with _quiet_end(), _window(address.url) if native else _tab(address.url if browser else "") as stop_with:
        workspace = Workspace()
        try:
            server = _server(workspace, address)
            stop_with(server)
            server.run(sockets=[sock])
        finally:
            workspace.close()


def _announce(address: Address, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": address.url, "port": address.port}), flush=True)
    else:
        print(f"mlx-convert ui: {address.url}\nPress Ctrl-C to stop.", file=sys.stderr, flush=True)
    if not _is_loopback(address.host):
        print(
            "Others on this network can read the key on its way: an SSH tunnel is safer.", file=sys.stderr, flush=True
        )


@contextlib.contextmanager
def _tab(url: str) -> Iterator[StopWith]:
    """A tab of the browser, unless ``url`` is empty; the server outlives it."""
    if url:
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    yield lambda server: None


@contextlib.contextmanager
def _window(url: str) -> Iterator[StopWith]:
    """A window of our own; when it is closed, the server ends."""
    gone = threading.Event()
    window = Window(url, gone.set)

    def stop_with(server: uvicorn.Server) -> None:
        def wait() -> None:
            gone.wait()
            server.should_exit = True

        threading.Thread(target=wait, name="window-closed", daemon=True).start()

    try:
        yield stop_with
    finally:
        window.close()


def _server(workspace: Workspace, address: Address) -> uvicorn.Server:
    os.environ.setdefault("NICEGUI_STORAGE_PATH", str(workspace.home / "nicegui"))
    os.environ.setdefault("MARKDOWN_CONTENT_CACHE_SIZE", "0")
    with _absent("aiohttp", "requests", "websocket"):
        import nicegui  # noqa: F401
    import uvicorn

    from mlx_convert_ui.shell.app import build
    from mlx_convert_ui.shell.security import Guard

    guard = Guard(
        build(workspace, origins=[f"http://{host}" for host in sorted(address.hosts)]),
        hosts=address.hosts,
        token=address.token,
        cookie=f"mlxui-{address.port}",
    )
    config = uvicorn.Config(
        guard,
        log_level="error",
        ws="websockets-sansio",
        ws_max_size=1 << 20,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


@contextlib.contextmanager
def _absent(*names: str) -> Iterator[None]:
    """Let imports of ``names`` fail for a while, unless they are loaded already.

    Socket.IO loads them for its clients, if they are there; we only serve, and they cost a quarter of the start.
    """
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def _quiet_end() -> Iterator[None]:
    """uvicorn raises the signal again after its shutdown; neither a traceback nor a lost atexit may follow."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    previous = signal.signal(signal.SIGTERM, leave)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _bind(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in (PREFERRED_PORT, 0) if port is None else (port,):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, candidate))
            sock.listen(128)
        except OSError as error:
            sock.close()
            reason = error.strerror
            continue
        return sock
    raise InvalidRequest(
        f"can't listen on {host} port {port}: {reason}.",
        hint="Another program uses it. Choose another port, or leave --port out.",
        code="port",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_addresses() -> set[str]:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return set()
    return {f"[{entry[4][0]}]" if ":" in str(entry[4][0]) else str(entry[4][0]) for entry in found}
