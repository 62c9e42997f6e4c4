"""Who gets in: strangers are refused by the real program, whatever a browser is made to send."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.program import Program
from browser.watching import Visitor

# Every way in which a page of another origin can reach for ours; each says in the end whether it got something.
ATTACK = """
async ([place, library]) => {
  const socket = place.replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket";
  const outcome = (element, source) => new Promise(done => {
    element.onload = () => done("loaded");
    element.onerror = () => done("refused");
    element.src = source;
    document.body.append(element);
  });
  return {
    image: await outcome(document.createElement("img"), place + "/favicon.ico"),
    script: await outcome(document.createElement("script"), place + library),
    fetch: await fetch(place + "/").then(answer => answer.status, () => "refused"),
    polling: await fetch(place + "/_nicegui_ws/socket.io/?EIO=4&transport=polling", {credentials: "include"})
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


class OtherProgram(ThreadingHTTPServer):
    """Pages of another program on this machine: another origin, but the same site. It keeps what browsers send."""

    def __init__(self, folder: Path) -> None:
        (folder / "index.html").write_text("<body>another program</body>")
        self.sent: list[str] = []
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(SimpleHTTPRequestHandler):
    server: OtherProgram

    def do_GET(self) -> None:
        self.server.sent.append(f"{self.path}\n{self.headers}")
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def other_program(tmp_path: Path) -> Iterator[OtherProgram]:
    """Start another program."""
    with OtherProgram(tmp_path) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_page_of_another_program_gets_nothing_even_where_the_cookie_is(
    browser: Browser, program: Program, other_program: OtherProgram
) -> None:
    context = browser.new_context()
    ours = context.new_page()
    ours.goto(program.url)  # the browser has the cookie now
    page = context.new_page()
    page.goto(other_program.url)
    for place in (program.origin, _place(ours)):
        assert set(page.evaluate(ATTACK, [place, LIBRARY]).values()) == {"refused"}
    context.close()


def test_another_program_on_this_machine_is_not_sent_the_cookie(
    browser: Browser, program: Program, other_program: OtherProgram
) -> None:
    context = browser.new_context()
    ours = context.new_page()
    ours.goto(program.url)
    (cookie,) = context.cookies()
    ours.evaluate("address => location.href = address", f"{other_program.url}/from-ours")
    ours.wait_for_url("**/from-ours")
    context.new_page().goto(f"{other_program.url}/typed")
    assert len(other_program.sent) >= 2
    assert not any(cookie[part] in sent for sent in other_program.sent for part in ("name", "value", "path"))
    context.close()


def test_the_same_attack_works_from_our_own_page(visitor: Visitor, program: Program) -> None:
    """Without this one the test above could pass because the attack is wrong."""
    page = visitor.open("/")
    found = page.evaluate(ATTACK, [_place(page), LIBRARY])
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
    page = visitor.open("/test")
    place = urlsplit(page.url).path.removesuffix("/test")
    assert page.url == f"{program.origin}{place}/test"
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", place)
    assert page.evaluate("document.cookie") == ""
    for path in ("/", "/?token=wrong", "/?start=wrong", f"{place}/", f"{place}/_nicegui_ws/socket.io/?EIO=4"):
        assert _status(program, path) == 401
    held = f"{cookie['name']}={cookie['value']}"
    assert _status(program, f"{place}/library", Cookie=held) == 200
    assert _status(program, f"{place}/library", Cookie=f"{cookie['name']}=wrong") == 401
    assert _status(program, "/library", Cookie=held) == 401


def test_who_was_let_in_may_type_any_address_of_ours(visitor: Visitor, program: Program) -> None:
    visitor.allow("401")  # which is what the page says that leads on
    first = visitor.open("/")
    page = first.context.new_page()
    for typed in ("/queue", "/~a-place-of-yesterday/queue", "/queue?token=of-yesterday", "/queue?start=used"):
        page.goto(f"{program.origin}{typed}")
        page.wait_for_url(f"{_place(first)}/queue")
        expect(page.get_by_role("heading", name="Queue", level=1)).to_be_visible()


def test_who_was_not_is_told_where_the_key_is(visitor: Visitor, program: Program) -> None:
    visitor.allow("401")
    page = visitor.context().new_page()
    page.goto(f"{program.origin}/library")
    expect(page.get_by_text("Open the address that mlx-convert ui printed in the terminal")).to_be_visible()
    assert page.url == f"{program.origin}/library"


INJECTED = """
() => {
  const script = document.createElement("script");
  script.textContent = "window.ran = 'script'";
  document.body.append(script);
  document.body.insertAdjacentHTML("beforeend", `
    <p id=handler onclick="window.ran = 'handler'">handler</p>
    <a id=link href="javascript:void(window.ran = 'link')">link</a>
    <img src=x onerror="window.ran = 'image'">
    <iframe srcdoc="<script>parent.ran = 'frame'<\\/script>"></iframe>`);
  for (const id of ["handler", "link"]) document.getElementById(id).click();
}
"""


def test_script_that_gets_into_a_page_does_not_run(visitor: Visitor) -> None:
    visitor.allow("Content Security Policy|404")  # which is what the browser says of it
    page = visitor.open("/")
    page.evaluate(INJECTED)
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.wait_for_timeout(200)  # a frame says nothing of what it did not run
    assert page.evaluate("window.ran ?? null") is None
    assert len([text for text in visitor.troubles if "Content Security Policy" in text]) >= 4


def _place(page: Page) -> str:
    """The address below which all pages of ours are."""
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}/{parts.path.split('/')[1]}"


def _status(program: Program, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(program.origin.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()
