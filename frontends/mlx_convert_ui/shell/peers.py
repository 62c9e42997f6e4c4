"""Who is at the other end of a connection within this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

Peer = tuple[str, int]  # address and port
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def same_user(peer: Peer, server: Peer) -> bool:
    """Whether the program at ``peer``, connected to us at ``server``, runs as our own user, or as root.

    Linux tells whose a connection is. Elsewhere the answer is True: on a Mac nobody else sees what this is asked for.
    """
    if not sys.platform.startswith("linux"):
        return True
    owners = set(_owners(peer[1], server[1]))
    return bool(owners) and owners <= {0, os.getuid()}


def _owners(local: int, remote: int) -> Iterator[int]:
    """The users of all connections from port ``local`` to port ``remote``, whatever their addresses."""
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            ports = tuple(int(end.rpartition(":")[2], 16) for end in fields[1:3])
            if ports == (local, remote):
                yield int(fields[7])
