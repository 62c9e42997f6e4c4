"""Where the server listens, and by which addresses it is opened."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import quote

from mlx_convert_core import InvalidRequest
from mlx_convert_ui.shell.keys import Keys

PREFERRED_PORT = 8473


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the UI listens, and the keys that open it."""

    host: str
    port: int
    keys: Keys

    @property
    def url(self) -> str:
        """The address to open, token included."""
        return self._with("token", self.keys.token)

    @property
    def start_url(self) -> str:
        """The address to open once, for who is told it where others may read it."""
        return self._with("start", self.keys.start)

    @property
    def hosts(self) -> frozenset[str]:
        """The Host headers that are ours."""
        names = {f"[{self.host}]" if ":" in self.host else self.host}
        if is_loopback(self.host):
            names |= {"127.0.0.1", "localhost", "[::1]"}
        elif self.host in ("0.0.0.0", "::"):
            names |= {"127.0.0.1", "localhost", "[::1]", socket.gethostname().lower(), *_own_addresses()}
        return frozenset(f"{name}:{self.port}" for name in names)

    def _with(self, name: str, key: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/?{name}={quote(key, safe='')}"


def bind(host: str, port: int | None) -> socket.socket:
    """A socket that listens; ``port`` None takes the usual one, or any free one when that is taken.

    Raises InvalidRequest (code ``port``).
    """
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


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
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
