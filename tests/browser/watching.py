"""Pages that are watched: an error in the console, an error of a script, or a request that leaves this machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from browser.program import Program

TIMEOUT = 60_000.0  # ms
expect.set_options(timeout=TIMEOUT)
_LOCAL = ("data", "blob", "about", "chrome-error")


class Visitor:
    """Someone with a browser. `open` gives pages; `troubles` holds what went wrong in any of them."""

    def __init__(self, browser: Browser, program: Program) -> None:
        self._browser = browser
        self._program = program
        self._contexts: list[BrowserContext] = []
        self._allowed: list[re.Pattern[str]] = []
        self.troubles: list[str] = []

    def context(self, *, width: int = 1280, height: int = 860, theme: str = "light", **options: Any) -> BrowserContext:
        """A browser without cookies or cache of others."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce", **options
        )
        context.set_default_timeout(TIMEOUT)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))
        context.on("request", self._request)
        self._contexts.append(context)
        return context

    def open(self, path: str = "/", *, context: BrowserContext | None = None, **options: Any) -> Page:
        """A page at ``path``, in a browser of its own unless ``context`` is given, once it is alive."""
        page = (context or self.context(**options)).new_page()
        token = self._program.url.partition("?")[2]
        answer = page.goto(f"{self._program.origin}{path}{'&' if '?' in path else '?'}{token}")
        assert answer is not None
        assert answer.ok, self._program.log.read_text()
        alive(page)
        return page

    def allow(self, pattern: str) -> None:
        """Take no offence at troubles that match ``pattern``."""
        self._allowed.append(re.compile(pattern))

    def leave(self) -> None:
        """Close everything; raises AssertionError when something went wrong."""
        for context in self._contexts:
            context.close()
        found = [text for text in self.troubles if not any(pattern.search(text) for pattern in self._allowed)]
        assert not found, "\n".join(found)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location
            self.troubles.append(f"console: {message.text} ({where.get('url')}:{where.get('lineNumber')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _LOCAL and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            self.troubles.append(f"left this machine: {request.method} {request.url}")


Visit = Callable[..., Page]


def alive(page: Page) -> None:
    """Wait until the page is connected to the server, so that a click is heard."""
    page.wait_for_function("() => window.socket?.connected && document.querySelector('h1')")
