"""A request as the routes see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

from hubserver.access import Account
from hubserver.log import Request
from hubserver.replies import HubError


class Call:
    """The request line, whose token it came with, and the body while it comes in."""

    account: Account | None = None

    def __init__(
        self, request: Request, raw_path: str, authorization: str | None, receive: Callable[[], Iterator[bytes]]
    ) -> None:
        self.request, self.raw_path, self.authorization, self.blocks = request, raw_path, authorization, receive
        self.params = parse_qs(request.query)

    def flag(self, name: str) -> bool:
        """Tell whether a query parameter says yes."""
        return self.params.get(name, [""])[0].lower() in ("1", "true")

    def body(self) -> bytes:
        """Return the whole body."""
        return b"".join(self.blocks())

    def json(self) -> dict[str, Any]:
        """Return the body as JSON."""
        value = json.loads(self.body() or b"{}")
        if not isinstance(value, dict):
            raise HubError(400, "A JSON object was expected.")
        return value
