"""Start and stop: a socket bound before anything heavy is imported, our own uvicorn server, a clean end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from mlx_convert_core import InvalidRequest, Workspace, to_json
from mlx_convert_core.plugin import command
from mlx_convert_ui.shell.address import Address, bind, is_loopback
from mlx_convert_ui.shell.keys import LONG, TOKEN, Keys
from mlx_convert_ui.shell.native import Window
from mlx_convert_ui.shell.native import require as require_window
from mlx_convert_ui.shell.tab import open_tab

if TYPE_CHECKING:
    import uvicorn

StopWith = Callable[["uvicorn.Server"], None]  # has the server end when what it is shown in is closed


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
    browser. Raises InvalidRequest (code ``open_bind``) for a ``host`` other than loopback without a long ``token``: on
    a network the token is all that protects this machine.
    """
    if not is_loopback(host) and len(token or "") < LONG:
        raise InvalidRequest(
            f"{host} can be reached by other machines, so it needs a key of your own of at least {LONG} characters.",
            hint="Leave --host out and use an SSH tunnel, or: "
            f"{TOKEN}=$(openssl rand -hex 16) {command('mlx-convert ui --host', host)}",
            code="open_bind",
        )
    if native:
        require_window()
    sock = bind(host, port)
    address = Address(host=host, port=sock.getsockname()[1], keys=Keys(token))
    _announce(address, as_json=as_json)
    # The socket listens already, so browser and window may knock while Python still imports.
    with _quiet_end(), _window(address.url) if native else _tab(address.start_url if browser else "") as stop_with:
        workspace = Workspace()
        try:
            server = _server(workspace, address)
            stop_with(server)
            server.run(sockets=[sock])
        finally:
            workspace.close()


def _announce(address: Address, *, as_json: bool) -> None:
    if as_json:
        print(to_json({"url": address.url, "port": address.port}).decode(), flush=True)
    else:
        print(f"mlx-convert ui: {address.url}\nPress Ctrl-C to stop.", file=sys.stderr, flush=True)
    if not is_loopback(address.host):
        print(
            "Others on this network can read the key on its way: an SSH tunnel is safer.", file=sys.stderr, flush=True
        )


@contextlib.contextmanager
def _tab(url: str) -> Iterator[StopWith]:
    """A tab of the browser, unless ``url`` is empty; the server outlives it."""
    if url:
        threading.Thread(target=open_tab, args=(url,), daemon=True).start()
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
    from mlx_convert_ui.shell.patience import ImpatientProtocol, allow_open_files
    from mlx_convert_ui.shell.security import Guard

    allow_open_files()

    guard = Guard(
        build(workspace, origins=[f"http://{host}" for host in sorted(address.hosts)]),
        hosts=address.hosts,
        keys=address.keys,
        cookie=f"mlxui-{address.port}",
    )
    config = uvicorn.Config(
        guard,
        log_level="error",
        http=ImpatientProtocol,
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
