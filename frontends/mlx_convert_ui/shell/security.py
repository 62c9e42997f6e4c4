"""The outermost ASGI guard: who may talk to this server, over http as well as websocket.

A page of another site can make a browser send requests to loopback, also under a name that it lets resolve to
127.0.0.1 (DNS rebinding); other users of this machine reach loopback as well. So every request needs one of our own
Host names, an Origin of ours where there is one, a Fetch-Metadata site that is ours or none, and the cookie that the
token or the start code in the address is exchanged for. See keys.py for why that cookie is for a path of its own.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from mlx_convert_ui.shell.keys import Keys, Outcome
from mlx_convert_ui.shell.policy import Answer, headers, signed

Scope = dict[str, Any]
Headers = dict[str, str]
_KEYS = ("token", "start")  # their names in an address


class Guard:
    """Wraps an ASGI app; ``hosts`` are the values of the Host header that are ours, ``cookie`` is the name of ours.

    The attribute ``app`` is named so because NiceGUI follows it to find the server.
    """

    def __init__(self, app: Any, *, hosts: frozenset[str], keys: Keys, cookie: str) -> None:
        self.app = app
        self._hosts = hosts
        self._origins = frozenset(f"http://{host}" for host in hosts)
        self._keys = keys
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        given = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        key = _key_in(scope)
        if (stranger := self._stranger(scope, given)) is not None:
            await _refuse(scope, send, *stranger)
        elif key is not None:
            await self._exchange(scope, send, *key)
        elif given.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            await _refuse(scope, send, 403, _OTHER_SITE)
        elif not (scope["path"].startswith(f"{self._keys.place}/") and self._has_cookie(given)):
            await _ask(scope, send)
        else:
            await self._answer(scope, receive, send)

    def _stranger(self, scope: Scope, given: Headers) -> tuple[int, str] | None:
        """Why this request is turned away whatever key it brings, None when it is not."""
        host = given.get("host", "").lower()
        if host not in self._hosts:
            return 421, self._tunnel(host) or "This server does not answer to that name."
        if "origin" in given and given["origin"].lower() not in self._origins:
            return 403, _OTHER_SITE
        if scope["type"] == "websocket" and "origin" not in given:
            return 403, "A websocket needs an Origin."
        return None

    def _tunnel(self, host: str) -> str:
        """What to do when ``host`` is this machine by another port, as behind a tunnel; "" when it is another name."""
        name, _, port = host.rpartition(":")
        ours = next((mine.rpartition(":")[2] for mine in self._hosts if mine.rpartition(":")[0] == name), "")
        if not name or not ours or not port.isdecimal():
            return ""
        return (
            f"This is MLX Convert, which answers at port {ours}; the address says {port}. A tunnel has to have the same"
            f" port at both ends: ssh -L {ours}:localhost:{ours} MAC, and then http://{name}:{ours}"
        )

    def _has_cookie(self, given: Headers) -> bool:
        """Whether ours is among the cookies; another server of this host may have set one of the same name."""
        pairs = (pair.strip().partition("=") for pair in given.get("cookie", "").split(";"))
        return any(name == self._cookie and self._keys.fits(value) for name, _, value in pairs)

    async def _exchange(self, scope: Scope, send: Any, name: str, key: str) -> None:
        """Turn the key in the address into a cookie and go on to the same page without it."""
        peer = scope.get("client") or ("", 0)
        if name == "token":
            outcome = self._keys.try_token(key, peer)
        else:
            outcome = self._keys.try_start(key, peer, scope.get("server") or ("", 0))
        if outcome is Outcome.RIGHT:
            await self._enter(scope, send)
        elif outcome is Outcome.TOO_MANY:
            await _refuse(scope, send, 429, "Too many wrong keys. Wait a little, then try again.")
        else:
            await _ask(scope, send)

    async def _enter(self, scope: Scope, send: Any) -> None:
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        query = urlencode([(name, value) for name, value in pairs if name not in _KEYS])
        place = self._keys.place
        path = f"{place}/{quote(scope['path'].removeprefix(place).lstrip('/'))}"
        cookie = f"{self._cookie}={self._keys.cookie}; Path={place}; HttpOnly; SameSite=Strict"
        answer = [
            (b"location", (path + ("?" + query if query else "")).encode("latin-1")),
            (b"set-cookie", cookie.encode("latin-1")),
            (b"cache-control", b"no-store"),
            (b"content-length", b"0"),
            *headers(),
        ]
        await send({"type": "http.response.start", "status": 303, "headers": answer})
        await send({"type": "http.response.body", "body": b""})

    async def _answer(self, scope: Scope, receive: Any, send: Any) -> None:
        """Have the app answer, which is below a path that it does not know by itself."""
        try:
            await self.app({**_uncompressed(scope), "root_path": self._keys.place}, receive, Answer(send).send)
        except RuntimeError as error:
            if str(error) != _LEFT:
                raise


_LEFT = "No response returned."  # what Starlette raises when the browser left before the answer was made
_OTHER_SITE = "Requests from other sites are refused."
_ASK = "Open the address that mlx-convert ui printed in the terminal: it carries the key to this page."
# Who was let in before goes on to where that was: only pages of this very server can read what they kept.
_DOOR = f"""<!doctype html>
<html lang="en"><head><title>MLX Convert</title><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"></head>
<body style="font: 15px system-ui; margin: 40px"><h1 style="font-size: 20px">MLX Convert</h1><p>{_ASK}</p>
<script>
const place = localStorage.getItem("place");
if (place && !location.pathname.startsWith(place + "/")) {{
  const query = new URLSearchParams(location.search);
  for (const key of {list(_KEYS)}) query.delete(key);
  const left = query.toString();
  location.replace(place + (location.pathname.replace(/^\\/~[^/]*/, "") || "/") + (left ? "?" + left : ""));
}}
</script></body></html>
""".encode()


def _key_in(scope: Scope) -> tuple[str, str] | None:
    """The key in an address, with its name."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return next(((name, query[name]) for name in _KEYS if name in query), None)


async def _ask(scope: Scope, send: Any) -> None:
    """Say where the key is; a browser is told so by a page."""
    if scope["type"] == "websocket":
        await _refuse(scope, send, 403, _ASK)
    elif _wants_page(scope):
        body, ours = signed(_DOOR)
        await _say(send, 401, b"text/html; charset=utf-8", body, ours)
    else:
        await _refuse(scope, send, 401, _ASK)


async def _refuse(scope: Scope, send: Any, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text})
        return
    body = f"{text}\n".encode()
    await _say(
        send, status, b"text/plain; charset=utf-8", body, ((b"content-length", str(len(body)).encode()), *headers())
    )


async def _say(send: Any, status: int, kind: bytes, body: bytes, ours: tuple[tuple[bytes, bytes], ...]) -> None:
    answer = [(b"content-type", kind), (b"cache-control", b"no-store"), *ours]
    await send({"type": "http.response.start", "status": status, "headers": answer})
    await send({"type": "http.response.body", "body": body})


def _wants_page(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _uncompressed(scope: Scope) -> Scope:
    """A request for a page without the wish for compression, so that `Answer` can read the answer."""
    if scope["type"] != "http" or not _wants_page(scope):
        return scope
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]}
