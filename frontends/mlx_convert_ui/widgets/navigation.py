"""The way between the pages: ours, and those that plugins add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from nicegui import ui

from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Tag, address_of, block, tooltip

COUNT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the navigation."""

    path: str
    title: str
    icon: str
    tip: str = ""


MAIN = (
    Item("/", "Convert", "wand-sparkles"),
    Item("/test", "Test", "flask-conical"),
    Item("/chat", "Chat", "message-square"),
    Item("/compare", "Compare", "columns-2"),
    Item("/library", "Library", "library"),
    Item("/queue", "Queue", "list-checks"),
)
MORE = (Item("/plugins", "Plugins", "puzzle"), Item("/settings", "Settings", "settings"))


def plugin_places(studio: Studio) -> tuple[Item, ...]:
    """The pages of plugins."""
    pages = studio.pages.values()
    return tuple(Item(f"/plugin/{quote(page.name)}", page.title, page.icon, page.summary) for page in pages)


def all_places(studio: Studio) -> tuple[Item, ...]:
    """Every page that has a place in the navigation."""
    return (*MAIN, *plugin_places(studio), *MORE)


def navigation(studio: Studio, path: str) -> None:
    """Every page, the one at ``path`` marked."""
    with block("nav", "nav").props('aria-label="Pages"'):
        for group in (MAIN, plugin_places(studio), MORE):
            if group and group is not MAIN:
                Tag("div", "", "nav-rule").props("aria-hidden=true")
            for place in group:
                _link(studio, place, path)


def _link(studio: Studio, place: Item, path: str) -> None:
    with Tag("a", "", "nav-link", icon=place.icon) as link:
        link.attribute("href", address_of(place.path)).attribute("title", place.tip or None)
        Tag("span", place.title, "nav-title")
        if place.path == path:
            link.props("aria-current=page")
        if place.path in _COUNTS:
            of, what = _COUNTS[place.path]
            count = Tag("span", "", "nav-count")
            tooltip(count, f"Conversions {what}")
            _show_count(count, of(studio), what)
            ui.timer(COUNT_SECONDS, lambda: _show_count(count, of(studio), what))


def _running_here(studio: Studio) -> int:
    return sum(view.active for view in studio.views.of("convert", "convert"))


# What is counted beside a page's name: what that page lists.
_COUNTS: dict[str, tuple[Callable[[Studio], int], str]] = {
    "/": (_running_here, "running"),
    "/queue": (lambda studio: studio.queue.open, "running or waiting"),
}


def _show_count(count: Tag, number: int, what: str) -> None:
    count.show(str(number) if number else "")
    count.attribute("hidden", None if number else True)
    count.attribute("aria-label", f"{number} {what}" if number else None)
