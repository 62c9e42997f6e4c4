"""The log: a line of JSON for everything that the plugin does, in whichever process."""

from __future__ import annotations

import json
import os


def note(what: str, **facts: str) -> None:
    """Add a line to the file that ``MLX_CONVERT_AUDIT`` names, if it names one."""
    path = os.environ.get("MLX_CONVERT_AUDIT")
    if not path:
        return
    line = json.dumps({"what": what, "process": os.getpid(), **facts}) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)
