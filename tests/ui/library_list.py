"""The table of the library as a browser would drive it: what it was sent, and what it tells."""

from __future__ import annotations

from typing import Any

from mlx_convert_ui.pages.library.model_list import ModelList
from nicegui import ElementFilter
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction


def lines(user: User) -> list[dict[str, Any]]:
    """The first lines: models, and headings of groups."""
    return _list(user).lines


def names(user: User) -> list[str]:
    """What these are called."""
    return [line["name"] for line in lines(user)]


def act(user: User, what: str, place: int = 0) -> None:
    """Click the button ``what`` of the model at ``place``."""
    _tell(user, "act", {"what": what, "id": lines(user)[place]["id"]})


def sort(user: User, column: str) -> None:
    """Click the heading of a column."""
    _tell(user, "sort", column)


def pick(user: User, start: int, end: int | None = None, *, on: bool = True) -> None:
    """Tick the model at ``start``, or, with Shift, all from there to ``end``."""
    version = _list(user).props["view"]["version"]
    _tell(user, "pick", {"version": version, "from": start, "to": start if end is None else end, "on": on})


def choose(user: User, marker: str, value: str) -> None:
    """Choose ``value`` in the browser's own list that is marked so."""
    user.find(marker=marker).trigger("change", value)


def _list(user: User) -> ModelList:
    assert user.client is not None
    with user.client:
        (found,) = ElementFilter(kind=ModelList)
    return found


def _tell(user: User, event: str, args: Any) -> None:
    UserInteraction(user, {_list(user)}, None).trigger(event, args)
