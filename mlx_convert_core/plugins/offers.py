"""What plugins offer by name beside upload targets and sources: accounts, commands and pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """Whether somebody is signed in: as whom, where the token comes from, and what is wrong ("" when nothing is)."""

    signed_in: bool
    user: str = ""
    source: str = ""
    problem: str = ""


@runtime_checkable
class Account(Protocol):
    """A place where a person signs in with a token. The token is handed on to the place's own client, never kept."""

    name: str
    title: str

    def state(self) -> AccountState:
        """Who is signed in; asks the place, and never raises for what it answers."""

    def sign_in(self, token: str) -> AccountState:
        """Sign in with ``token`` once the place has accepted it; raises an error when it does not."""

    def sign_out(self) -> AccountState:
        """Forget the token on this machine; the state says when one is still in the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that a plugin adds to the CLI; ``load`` returns a click command and may import."""

    name: str
    summary: str
    load: Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that a plugin adds to the browser UI, at ``/plugin/<name>``, with ``title`` in the navigation.

    ``load`` may import nicegui; it returns the function that draws the page's content and is handed the `Workspace`.
    ``icon`` names one of the UI's icons.
    """

    name: str
    title: str
    summary: str
    load: Callable[[], Callable[[Any], None]]
    icon: str = "puzzle"
