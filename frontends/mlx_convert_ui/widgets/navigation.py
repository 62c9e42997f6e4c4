"""The way between the pages: ours, and those that plugins add."""

from __future__ import annotations

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
        if place.path == "/queue":
            count = Tag("span", "", "nav-count")
            tooltip(count, "Conversions that run or wait")
            _show_count(studio, count)
            ui.timer(COUNT_SECONDS, lambda: _show_count(studio, count))


def _show_count(studio: Studio, count: Tag) -> None:
    open_ = studio.open_conversions
    count.show(str(open_) if open_ else "")
    count.attribute("hidden", None if open_ else True)
    count.attribute("aria-label", f"{open_} running or waiting" if open_ else None)
