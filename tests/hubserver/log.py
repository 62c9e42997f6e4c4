"""The request log: what was asked, what was answered, and how many bytes went each way."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Request:
    """One request. `status` is 0 when nothing was answered; `sent` and `received` count body bytes."""

    method: str
    origin: str
    path: str
    query: str
    range: str | None
    authorized: bool
    status: int = 0
    sent: int = 0
    received: int = 0
    fault: str | None = None

    def __str__(self) -> str:
        parts = [self.origin, self.method, self.path, self.range or "", str(self.status), self.fault or ""]
        return " ".join([part for part in parts if part] + [f"sent={self.sent}", f"received={self.received}"])


class RequestLog:
    """All requests in the order in which they came in. Filters are regular expressions on the path."""

    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._lock = threading.Lock()

    def add(self, request: Request) -> None:
        """Record a request as soon as its first line is read."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Forget all, to count anew."""
        with self._lock:
            self._requests.clear()

    def __iter__(self) -> Iterator[Request]:
        with self._lock:
            return iter(list(self._requests))

    def __len__(self) -> int:
        return len(self._requests)

    def matching(self, path: str = "", method: str | None = None, origin: str | None = None) -> list[Request]:
        """Return the requests whose path contains the pattern."""
        return [
            request
            for request in self
            if re.search(path, request.path) and method in (None, request.method) and origin in (None, request.origin)
        ]

    def sent(self, path: str = "") -> int:
        """Return the body bytes sent for matching paths."""
        return sum(request.sent for request in self.matching(path))

    def received(self, path: str = "") -> int:
        """Return the body bytes received for matching paths."""
        return sum(request.received for request in self.matching(path))

    def __str__(self) -> str:
        return "\n".join(map(str, self))
