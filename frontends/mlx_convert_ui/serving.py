"""Start and stop: a socket bound before anything heavy is imported, our own uvicorn server, a clean end."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from mlx_convert_core import InvalidRequest, Workspace

if TYPE_CHECKING:
    import uvicorn

PREFERRED_PORT = 8473


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
        return f"http://{host}:{self.port}/?token={self.token}"

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
    *, host: str = "127.0.0.1", port: int | None = None, token: str | None = None, browser: bool = True
) -> Address:
    """Serve the UI until Ctrl-C or SIGTERM, then cancel what runs and leave no process.

    ``port`` None takes the usual one, or any free one when that is taken. Raises InvalidRequest for a ``host``
    other than loopback without a ``token``: on a network the token is all that protects this machine.
    """
    if not _is_loopback(host) and not token:
        raise InvalidRequest(
            f"{host} can be reached by other machines, so it needs a token of your own.",
            hint="Leave --host out, or better, use an SSH tunnel. To go on: --token SOMETHING-LONG.",
            code="open_bind",
        )
    sock = _bind(host, port)
    address = Address(host=host, port=sock.getsockname()[1], token=token or secrets.token_urlsafe(24))
    print(f"mlx-convert ui: {address.url}\nPress Ctrl-C to stop.", file=sys.stderr, flush=True)
    if browser:
        # The socket listens already, so the browser may knock while Python still imports.
        threading.Thread(target=webbrowser.open, args=(address.url,), daemon=True).start()
    with _quiet_end():
        workspace = Workspace()
        try:
            _server(workspace, address).run(sockets=[sock])
        finally:
            workspace.close()
    return address


def _server(workspace: Workspace, address: Address) -> uvicorn.Server:
    os.environ.setdefault("NICEGUI_STORAGE_PATH", str(workspace.home / "nicegui"))
    os.environ.setdefault("MARKDOWN_CONTENT_CACHE_SIZE", "0")
    import uvicorn

    from mlx_convert_ui.app import build
    from mlx_convert_ui.security import Guard

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
