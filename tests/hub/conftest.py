"""The hub's tests talk to a server on loopback with the real client."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from hubserver.fixture import client, hub

__all__ = ["client", "hub"]
