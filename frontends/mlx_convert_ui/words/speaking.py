"""Which language is spoken: each open page has its own, and keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import Client
from nicegui.slot import Slot, get_task_id

from mlx_convert_ui.words.catalogues import ENGLISH, Catalogue, asked_for, languages, load

_KEY = "catalogue"  # in the storage of a page


class _Here:
    """What this process knows of languages: how to ask for the person's choice, and what was spoken last."""

    chosen: Callable[[], str] = staticmethod(lambda: "")
    last: Catalogue = ENGLISH


def _(message: str, /, **values: Any) -> str:
    """``message`` in the language of the page, with ``values`` in its named places."""
    return catalogue().say(message, values) if message else ""  # gettext's file is headed by the message ""


def plural(one: str, many: str, count: int, /, **values: Any) -> str:
    """The same of things that are counted; the place ``{count}`` shows the number."""
    return catalogue().count(one, many, count, values)


def joined(*parts: str) -> str:
    """Those of ``parts`` that are not "", in a line: ``3 models · 1.2 GB``."""
    return catalogue().join(parts)


def N_(message: str) -> str:
    """Mark a message that `_` says later, where it is drawn."""
    return message


def given(text: str) -> str:
    """A text that the core or a plugin gives, in the language of the page where it is known there, else as it is."""
    return catalogue().give(text) if text else ""


def follow(chosen: Callable[[], str]) -> None:
    """Have pages speak the language that ``chosen`` returns; for one that there is none of, what a browser asks for."""
    _Here.chosen, _Here.last = staticmethod(chosen), ENGLISH


def catalogue() -> Catalogue:
    """That of the page at hand; outside of every page, that of the page which was opened last."""
    client = _client()
    if client is None:
        return _Here.last
    found = client.storage.get(_KEY)
    if found is None:
        chosen = _Here.chosen()
        found = load(chosen if chosen in (*languages(), ENGLISH.language) else asked_for(_header(client)))
        client.storage[_KEY] = _Here.last = found
    return found


def _client() -> Client | None:
    """The page that is being drawn, or whose handler runs; None in a thread or a task without one."""
    stack = Slot.stacks.get(get_task_id())
    if not stack:
        return None
    try:
        return stack[-1].parent.client
    except RuntimeError:  # what was drawn into is gone, and perhaps the page with it
        return None


def _header(client: Client) -> str:
    try:
        return client.request.headers.get("accept-language", "")
    except RuntimeError:  # nobody asked for it: a page that a program makes
        return ""
