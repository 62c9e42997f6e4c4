"""The outermost ASGI guard: who may talk to this server, over http as well as websocket.

A page of another site can make a browser send requests to loopback, also under a name that it lets resolve to
127.0.0.1 (DNS rebinding); other users of this machine reach loopback as well. So every request needs one of our own
Host names, an Origin of ours where there is one, a Fetch-Metadata site that is ours or none, and the cookie that the
token in the start URL is exchanged for. The cookie is made from the token and does not hold it.
"""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

Scope = dict[str, Any]

# Vue compiles templates in the browser, hence 'unsafe-eval'; styles stand in elements, hence 'unsafe-inline' for those.
# The inline scripts of a page are NiceGUI's and ours: each page names them by a nonce, and no other one runs.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'%s",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """Wraps an ASGI app; ``hosts`` are the values of the Host header that are ours.

    The attribute ``app`` is named so because NiceGUI follows it to find the server.
    """

    def __init__(self, app: Any, *, hosts: frozenset[str], token: str, cookie: str) -> None:
        self.app = app
        self._hosts = hosts
        self._origins = frozenset(f"http://{host}" for host in hosts)
        self._token = token
        self._cookie = cookie
        self._pass = hmac.new(token.encode(), b"cookie", "sha256").hexdigest()  # fits a cookie, as a token may not

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused is not None:
            await _refuse(scope, send, *refused)
        elif self._given_token(scope) is not None:
            await self._exchange(scope, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Any, send: Any) -> None:
        try:
            await self.app(_uncompressed(scope), receive, _Answer(send).send)
        except RuntimeError as error:
            if str(error) != _LEFT:
                raise

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Why this request is turned away, None when it is welcome."""
        if headers.get("host", "").lower() not in self._hosts:
            return 421, "This server does not answer to that name."
        if "origin" in headers and headers["origin"].lower() not in self._origins:
            return 403, "Requests from other sites are refused."
        if scope["type"] == "websocket" and "origin" not in headers:
            return 403, "A websocket needs an Origin."
        given = self._given_token(scope)
        if given is not None:
            return None if _same(given, self._token) else (401, _ASK)
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "Requests from other sites are refused."
        if not _same(self._cookie_of(headers), self._pass):
            return (403 if scope["type"] == "websocket" else 401), _ASK
        return None

    def _given_token(self, scope: Scope) -> str | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)).get("token")

    def _cookie_of(self, headers: dict[str, str]) -> str:
        try:
            jar = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ""
        return jar[self._cookie].value if self._cookie in jar else ""

    async def _exchange(self, scope: Scope, send: Any) -> None:
        """Turn the token in the URL into a cookie and go on to the same path without it."""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        query = urlencode([(name, value) for name, value in pairs if name != "token"])
        path = "/" + quote(scope["path"].lstrip("/\\"))
        cookie = f"{self._cookie}={self._pass}; Path=/; HttpOnly; SameSite=Strict"
        headers = [
            (b"location", (path + ("?" + query if query else "")).encode("latin-1")),
            (b"set-cookie", cookie.encode("latin-1")),
            (b"cache-control", b"no-store"),
            (b"content-length", b"0"),
            *_headers(),
        ]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


_LEFT = "No response returned."  # what Starlette raises when the browser left before the answer was made
_ASK = "Open the address that mlx-convert ui printed in the terminal: it carries the key to this page."


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


async def _refuse(scope: Scope, send: Any, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text})
        return
    body = f"{text}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *_headers(),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(nonce: str = "") -> tuple[tuple[bytes, bytes], ...]:
    """What every answer carries; ``nonce`` is that of a page's inline scripts."""
    policy = _POLICY % (f" 'nonce-{nonce}'" if nonce else "")
    return ((b"content-security-policy", policy.encode()), *_HEADERS)


def _uncompressed(scope: Scope) -> Scope:
    """A request for a page without the wish for compression, so that `_Answer` can read the answer."""
    if scope["type"] != "http" or not any(
        name == b"accept" and b"text/html" in value for name, value in scope["headers"]
    ):
        return scope
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]}


class _Answer:
    """Adds our headers to an answer, and a nonce to the inline scripts of a page.

    What a page shows stands in its data as text, with ``<`` written as an entity: a tag in it is never one here.
    """

    def __init__(self, send: Any) -> None:
        self._send = send
        self._start: dict[str, Any] = {}
        self._body = b""

    async def send(self, message: dict[str, Any]) -> None:
        """Pass on ``message``; a page is held back until it is whole."""
        if message["type"] == "http.response.start":
            kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in _OURS]
            if _is_page(kept):
                self._start = {**message, "headers": kept}
            else:
                await self._send({**message, "headers": [*kept, *_headers()]})
        elif message["type"] == "http.response.body" and self._start:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_page()
        else:
            await self._send(message)

    async def _send_page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        body = self._body.replace(b"<script", f'<script nonce="{nonce}"'.encode())
        headers = [pair for pair in self._start["headers"] if pair[0].lower() != b"content-length"]
        headers += [(b"content-length", str(len(body)).encode()), *_headers(nonce)]
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


_OURS = frozenset(name for name, _ in _headers())


def _is_page(headers: list[tuple[bytes, bytes]]) -> bool:
    held = {name.lower(): value for name, value in headers}
    return held.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in held
