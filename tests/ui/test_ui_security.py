"""The guard: who is let in, over http and websocket."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from mlx_convert_ui.shell.address import Address
from mlx_convert_ui.shell.keys import Keys
from mlx_convert_ui.shell.security import Guard
from mlx_convert_ui.shell.serving import serve

from mlx_convert_core import InvalidRequest

OURS = "127.0.0.1:8473"
KEYS = Keys("secret")
COOKIE = f"mlxui-8473={KEYS.cookie}"
HOME = f"{KEYS.place}/"
ADDRESS = Address(host="127.0.0.1", port=8473, keys=KEYS)


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def said(host: str) -> str:
    """The text that somebody who comes by the name ``host`` reads."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", host.encode())]}
    asyncio.run(Guard(hello, hosts=ADDRESS.hosts, keys=KEYS, cookie="mlxui-8473")(scope, None, send))
    return sent[1]["body"].decode().strip()


def ask(
    path: str = HOME,
    *,
    kind: str = "http",
    method: str = "GET",
    host: str = OURS,
    keys: Keys = KEYS,
    **headers: str,
) -> tuple[Any, dict[str, str]]:
    """Status (or "accept"/"close" for a websocket) and headers of the answer."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    where, _, query = path.partition("?")
    named = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind,
        "method": method,
        "path": where,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8473),
    }
    guard = Guard(hello, hosts=ADDRESS.hosts, keys=keys, cookie="mlxui-8473")
    asyncio.run(guard(scope, None, send))
    first = sent[0]
    if kind == "websocket":
        return first["type"].removeprefix("websocket."), {}
    return first["status"], {name.decode(): value.decode() for name, value in first["headers"]}


def test_the_cookie_opens_the_door_and_the_answer_has_a_strict_policy() -> None:
    status, headers = ask(cookie=COOKIE)
    assert status == 200
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert ask(kind="websocket", cookie=COOKIE, origin=f"http://{OURS}")[0] == "accept"
    assert ask(host="localhost:8473", cookie=COOKIE)[0] == 200


def test_only_inline_scripts_that_the_page_itself_names_run() -> None:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"28")]
        assert not any(name == b"accept-encoding" for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<script>one", "more_body": True})
        await send({"type": "http.response.body", "body": b"</script><p>two"})

    sent: list[dict[str, Any]] = []
    headers = {"host": OURS, "cookie": COOKIE, "accept": "text/html", "accept-encoding": "gzip"}
    policies = [_page_of(page, headers, sent) for _ in range(2)]
    nonce = re.search(r"'nonce-([\w-]+)'", policies[0])
    assert nonce is not None
    assert sent[1]["body"] == f'<script nonce="{nonce[1]}">one</script><p>two'.encode()
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(sent[1]["body"])).encode()
    assert policies[0] != policies[1], "a nonce is for one answer"
    assert all("script-src 'self' 'unsafe-eval' 'nonce-" in policy for policy in policies)


def _page_of(app: Any, headers: dict[str, str], sent: list[dict[str, Any]]) -> str:
    """The policy of a page, whose messages go to ``sent``."""

    async def send(message: dict[str, Any]) -> None:
        own.append(message)

    own: list[dict[str, Any]] = []
    guard = Guard(app, hosts=ADDRESS.hosts, keys=KEYS, cookie="mlxui-8473")
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": HOME, "query_string": b"", "headers": raw}
    asyncio.run(guard(scope, None, send))
    sent += own
    return dict(own[0]["headers"])[b"content-security-policy"].decode()


def test_the_token_becomes_a_cookie_and_leaves_the_address() -> None:
    status, headers = ask("/library?token=secret&model=a%20b")
    assert status == 303
    assert headers["location"] == f"{KEYS.place}/library?model=a+b"
    assert headers["set-cookie"] == f"{COOKIE}; Path={KEYS.place}; HttpOnly; SameSite=Strict"
    assert "secret" not in f"{KEYS.place} {COOKIE}"


@pytest.mark.parametrize("token", ["a b+c&d#e;f=g%20", "naïve", "鍵", '"quoted"'])
def test_any_token_opens_the_door(token: str) -> None:
    keys = Keys(token)
    url = Address(host="127.0.0.1", port=8473, keys=keys).url
    status, headers = ask(url.partition(OURS)[2], keys=keys)
    assert (status, headers["location"]) == (303, f"{keys.place}/")
    assert ask(headers["location"], cookie=headers["set-cookie"].partition(";")[0], keys=keys)[0] == 200


def test_a_cookie_of_another_server_with_the_name_of_ours_does_not_keep_us_out() -> None:
    assert ask(cookie=f"mlxui-8473=theirs; {COOKIE}")[0] == 200
    assert ask(cookie=f"{COOKIE}; mlxui-8473=theirs")[0] == 200


@pytest.mark.parametrize("path", ["//evil.test", "/\\evil.test", "///evil.test/x"])
def test_the_exchange_leads_nowhere_else(path: str) -> None:
    _, headers = ask(f"{path}?token=secret")
    assert headers["location"].startswith(HOME)


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (421, {"host": "evil.test", "cookie": COOKIE}),
        (421, {"host": "127.0.0.1:9999", "cookie": COOKIE}),
        (421, {"host": "", "cookie": COOKIE}),
        (403, {"cookie": COOKIE, "origin": "http://evil.test"}),
        (403, {"cookie": COOKIE, "origin": "null"}),
        (403, {"cookie": COOKIE, "origin": "http://127.0.0.1:9999"}),
        (403, {"cookie": COOKIE, "sec_fetch_site": "cross-site"}),
        (403, {"cookie": COOKIE, "sec_fetch_site": "same-site"}),
        (401, {}),
        (401, {"cookie": "mlxui-8473=wrong"}),
        (401, {"cookie": "mlxui-8473=secret"}),
        (401, {"cookie": f"mlxui-9999={KEYS.cookie}"}),
        (401, {"cookie": COOKIE, "path": "/"}),
        (401, {"cookie": COOKIE, "path": "/library"}),
        (401, {"cookie": COOKIE, "path": f"{KEYS.place}x/library"}),
        (401, {"cookie": f"mlxui-8473={Keys('secret').cookie}"}),
        (401, {"path": "/?token=wrong", "cookie": COOKIE}),
        (401, {"path": "/?token=secret", "method": "POST"}),
    ],
)
def test_strangers_are_refused(status: int, request_: dict[str, str]) -> None:
    assert ask(**request_)[0] == status


def test_a_tunnel_with_another_port_is_told_apart_from_another_name() -> None:
    assert "answers at port 8473; the address says 9000" in said("localhost:9000")
    assert "ssh -L 8473:localhost:8473" in said("localhost:9000")
    for host in ("evil.test:8473", "evil.test:9000", "localhost", "localhost:x", ""):
        assert said(host) == "This server does not answer to that name."


@pytest.mark.parametrize(
    "request_",
    [
        {"cookie": COOKIE},
        {"cookie": COOKIE, "origin": "http://evil.test"},
        {"cookie": COOKIE, "origin": "null"},
        {"cookie": COOKIE, "origin": f"http://{OURS}", "host": "evil.test"},
        {"origin": f"http://{OURS}"},
        {"path": "/?token=secret", "origin": f"http://{OURS}"},
    ],
)
def test_a_websocket_of_a_stranger_is_closed(request_: dict[str, str]) -> None:
    assert ask(kind="websocket", **request_)[0] == "close"


@pytest.mark.parametrize("token", [None, "", "a", "fifteen-letters"])
def test_a_network_address_is_refused_without_a_long_token(token: str | None) -> None:
    with pytest.raises(InvalidRequest) as error:
        serve(host="0.0.0.0", token=token, browser=False)
    assert error.value.code == "open_bind"
    assert "MLX_CONVERT_UI_TOKEN=$(openssl rand -hex 16) mlx-convert ui --host 0.0.0.0" in error.value.hint


def test_a_port_that_is_taken_is_said_so() -> None:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        with pytest.raises(InvalidRequest, match="can't listen"):
            serve(port=sock.getsockname()[1], browser=False)
