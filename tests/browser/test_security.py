"""Who gets in: strangers are refused by the real program, whatever a browser is made to send."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browser.program import Program
from browser.watching import Visitor

# Every way in which a page of another origin can reach for ours; each says in the end whether it got something.
ATTACK = """
async ([origin, library]) => {
  const socket = origin.replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket";
  const outcome = (element, source) => new Promise(done => {
    element.onload = () => done("loaded");
    element.onerror = () => done("refused");
    element.src = source;
    document.body.append(element);
  });
  return {
    image: await outcome(document.createElement("img"), origin + "/favicon.ico"),
    script: await outcome(document.createElement("script"), origin + library),
    fetch: await fetch(origin + "/").then(answer => answer.status, () => "refused"),
    polling: await fetch(origin + "/_nicegui_ws/socket.io/?EIO=4&transport=polling", {credentials: "include"})
      .then(answer => answer.status, () => "refused"),
    socket: await new Promise(done => {
      const attempt = new WebSocket(socket);
      attempt.onopen = () => done("open");
      attempt.onerror = () => done("refused");
    }),
  };
}
"""
LIBRARY = f"/_nicegui/{version('nicegui')}/static/socket.io.min.js"


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[str]:
    """Give the address of another program's pages on this machine: another origin, but the same site."""
    (tmp_path / "index.html").write_text("<body>another program</body>")
    handler = partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_a_page_of_another_program_gets_nothing_even_where_the_cookie_is(
    browser: Browser, program: Program, other_site: str
) -> None:
    context = browser.new_context()
    context.new_page().goto(program.url)  # the browser has the cookie now
    page = context.new_page()
    page.goto(other_site)
    assert set(page.evaluate(ATTACK, [program.origin, LIBRARY]).values()) == {"refused"}
    context.close()


def test_the_same_attack_works_from_our_own_page(visitor: Visitor, program: Program) -> None:
    """Without this one the test above could pass because the attack is wrong."""
    found = visitor.open("/").evaluate(ATTACK, [program.origin, LIBRARY])
    assert found == {"image": "loaded", "script": "loaded", "fetch": 200, "polling": 200, "socket": "open"}


def test_a_name_that_somebody_points_at_this_machine_is_refused(browser: Browser, program: Program) -> None:
    context = browser.new_context()
    page = context.new_page()
    rebound = program.url.replace("127.0.0.1", "rebound.test")
    answer = page.goto(rebound)
    assert answer is not None
    assert answer.status == 421
    assert not context.cookies()
    context.close()


def test_only_who_has_the_key_gets_in_and_the_key_leaves_the_address(program: Program, visitor: Visitor) -> None:
    assert _status(program, "/") == 401
    assert _status(program, "/?token=wrong") == 401
    assert _status(program, "/library", Cookie=f"mlxui-{program.origin.rpartition(':')[2]}=wrong") == 401
    page = visitor.open("/test")
    assert page.url == f"{program.origin}/test"
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""


def _status(program: Program, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(program.origin.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()
