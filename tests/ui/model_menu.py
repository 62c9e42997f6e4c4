"""The menu of models as a browser would drive it: what is drawn in it, and what it tells."""

from __future__ import annotations

from typing import Any

from mlx_convert_ui.widgets.found_list import FoundList
from nicegui import ElementFilter
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction


def offered(user: User) -> list[str]:
    """The names of the models that are drawn in an open menu."""
    return [name for name, _ in _options(user) if name]


def take(user: User, name: str) -> None:
    """Choose the model with this name in an open menu, "" for another folder."""
    key = next(option.props["data-key"] for found, option in _options(user) if found == name)
    assert user.client is not None
    with user.client:
        found = next(one for one in ElementFilter(kind=FoundList) if one._found and key in one._found)
    UserInteraction(user, {found}, None).trigger("choose", {"key": key, "words": found.props["words"]})


def shown(user: User, marker: str = "model") -> str:
    """The whole name of the model that the button says is chosen."""
    assert user.client is not None
    with user.client:
        names = [one for one in ElementFilter().within(marker=marker) if "title" in one.props]
    return str(names[0].props["title"]) if names else ""


def _options(user: User) -> list[tuple[str, Any]]:
    assert user.client is not None
    with user.client:
        options = [*ElementFilter(marker="found-model"), *ElementFilter(marker="other-folder")]
    return [
        (next((str(part.props["title"]) for part in option.descendants() if "title" in part.props), ""), option)
        for option in options
    ]
