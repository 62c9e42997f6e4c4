"""The headers of every answer, and the nonce by which a page names its own inline scripts."""

from __future__ import annotations

import secrets
from typing import Any

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


def headers(nonce: str = "") -> tuple[tuple[bytes, bytes], ...]:
    """What every answer carries; ``nonce`` is that of a page's inline scripts."""
    policy = _POLICY % (f" 'nonce-{nonce}'" if nonce else "")
    return ((b"content-security-policy", policy.encode()), *_HEADERS)


def signed(page: bytes) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """A page with a new nonce at each of its scripts, and its headers.

    What a page shows stands in its data as text, with ``<`` written as an entity: a tag in it is never one here.
    """
    nonce = secrets.token_urlsafe(16)
    body = page.replace(b"<script", f'<script nonce="{nonce}"'.encode())
    return body, ((b"content-length", str(len(body)).encode()), *headers(nonce))


class Answer:
    """Adds our headers to an answer, and signs it when it is a page."""

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
                await self._send({**message, "headers": [*kept, *headers()]})
        elif message["type"] == "http.response.body" and self._start:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_page()
        else:
            await self._send(message)

    async def _send_page(self) -> None:
        body, ours = signed(self._body)
        kept = [pair for pair in self._start["headers"] if pair[0].lower() != b"content-length"]
        await self._send({**self._start, "headers": [*kept, *ours]})
        await self._send({"type": "http.response.body", "body": body})


_OURS = frozenset(name for name, _ in headers())


def _is_page(given: list[tuple[bytes, bytes]]) -> bool:
    held = {name.lower(): value for name, value in given}
    return held.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in held
