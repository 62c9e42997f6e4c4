"""Faults that a test orders: which requests they befall, how often, and what they do.

before an answer   delay   answer `seconds` later
                   close   close the connection without an answer (FIN);  refuse: the same with RST
                   stall   answer nothing (with `after`: fall silent after that many body bytes), for `seconds` if given
                   status  answer `status` with `headers` instead; `message` and `code` as the Hub names its errors
                   html    answer a sign-in page, as a captive portal does
                   endless answer `status` with a body whose length is not told, for ever or `after` bytes long; packed
                           by gzip if `headers` say so
                   drip    begin an answer and send its headers a byte at a time, for ever
in the body        drop    close after `after` bytes (FIN);  reset: the same with RST
                   slow    at most `rate` bytes a second
                   corrupt flip one bit of the byte at offset `at` of the file, or in the middle of what is sent
                   truncated  end properly, but `after` bytes in (half of them if not given)
in the headers     norange ignore a Range header;  etag, size: a wrong hash or size for a resolved file

drop, reset, stall, slow and corrupt also work on the body that a client sends (an LFS PUT).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hubserver.log import Request
from hubserver.replies import HubError, Reply, text

BEFORE = frozenset({"delay", "close", "refuse", "stall", "status", "html", "endless", "drip"})
CUTS = frozenset({"drop", "reset", "stall"})
BODY = CUTS | {"slow", "corrupt"}
HEADERS = frozenset({"norange", "etag", "size"})
KINDS = BEFORE | BODY | HEADERS | {"truncated"}
PORTAL = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Welcome to Hotel Wi-Fi</body></html>"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One order. `path` is a regular expression; the first `skip` matches pass; `times` None means for ever."""

    kind: str
    path: str = ""
    method: str | None = None
    origin: str | None = None
    times: int | None = 1
    skip: int = 0
    after: int | None = None
    status: int = 503
    message: str = ""
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None
    ratelimit: int | None = None
    seconds: float | None = None
    rate: int = 1 << 20
    at: int | None = None
    hits: int = 0
    _seen: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no fault; there are {', '.join(sorted(KINDS))}")

    def befalls(self, request: Request) -> bool:
        """Tell whether the request is one that the fault is meant for."""
        return (
            self.method in (None, request.method)
            and self.origin in (None, request.origin)
            and re.search(self.path, request.path) is not None
        )

    def count(self) -> bool:
        """Count one more match, and tell whether the fault strikes."""
        self._seen += 1
        strikes = self._seen > self.skip and (self.times is None or self.hits < self.times)
        self.hits += strikes
        return strikes

    def reply(self) -> Reply:
        """Return the answer of a status or html fault."""
        if self.kind == "html":
            return text(PORTAL, headers={"Content-Type": "text/html; charset=utf-8"})
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.ratelimit is not None:
            headers |= {"RateLimit": f'"api";r=0;t={self.ratelimit}'}
            headers |= {"RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
        return HubError(self.status, self.message or "Out of order", self.code, headers).reply()


class Faults:
    """The orders in force, in the order in which they were given."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._faults.clear()

    def before(self, request: Request) -> list[Fault]:
        """Return the faults that strike before the request is handled."""
        return self._take(request, lambda f: f.kind in BEFORE and not (f.kind == "stall" and f.after is not None))

    def receiving(self, request: Request, length: int) -> list[Fault]:
        """Return the faults that strike while `length` bytes come in."""
        return self._take(request, lambda f: f.kind in BODY and _fits(f, 0, length))

    def sending(self, request: Request, reply: Reply) -> list[Fault]:
        """Return the faults that strike while an answer goes out."""
        body = request.method == "GET" and reply.status < 300
        resolved = "X-Repo-Commit" in reply.headers and reply.status < 400

        def fits(fault: Fault) -> bool:
            if fault.kind in HEADERS:
                return fault.kind != "norange" and resolved
            return fault.kind not in BEFORE - CUTS and body and _fits(fault, reply.start, reply.length)

        return self._take(request, fits)

    def ignores_range(self, request: Request) -> bool:
        """Tell whether a fault lets the server overlook this request's Range header."""
        return bool(self._take(request, lambda f: f.kind == "norange"))

    def _take(self, request: Request, fits: Callable[[Fault], bool]) -> list[Fault]:
        with self._lock:
            taken = [fault for fault in self._faults if fits(fault) and fault.befalls(request) and fault.count()]
        if taken:
            request.fault = "+".join(filter(None, [request.fault, *(fault.kind for fault in taken)]))
        return taken


def _fits(fault: Fault, start: int, length: int) -> bool:
    """A cut needs more bytes than it lets pass, and a corrupted offset has to be among the bytes."""
    if fault.kind == "stall" and fault.after is None:
        return False
    return length > (fault.after or 0) and (fault.at is None or start <= fault.at < start + length)
