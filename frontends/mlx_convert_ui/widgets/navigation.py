"""The way between the pages: ours, and those that plugins add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from nicegui import ui

from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Tag, address_of, block, tooltip
from mlx_convert_ui.words import N_, _, plural

COUNT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the navigation; ours are messages, said where they are drawn."""

    path: str
    title: str
    icon: str
    tip: str = ""


MAIN = (
    Item("/", N_("Convert"), "wand-sparkles"),
    Item("/test", N_("Test"), "flask-conical"),
    Item("/chat", N_("Chat"), "message-square"),
    Item("/compare", N_("Compare"), "columns-2"),
    Item("/library", N_("Library"), "library"),
    Item("/queue", N_("Queue"), "list-checks"),
)
MORE = (Item("/plugins", N_("Plugins"), "puzzle"), Item("/settings", N_("Settings"), "settings"))


def plugin_places(studio: Studio) -> tuple[Item, ...]:
    """The pages of plugins."""
    pages = studio.pages.values()
    return tuple(Item(f"/plugin/{quote(page.name)}", page.title, page.icon, page.summary) for page in pages)


def all_places(studio: Studio) -> tuple[Item, ...]:
    """Every page that has a place in the navigation."""
    return (*MAIN, *plugin_places(studio), *MORE)


def navigation(studio: Studio, path: str) -> None:
    """Every page, the one at ``path`` marked."""
    with block("nav", "nav", label=_("Pages")):
        for group in (MAIN, plugin_places(studio), MORE):
            if group and group is not MAIN:
                Tag("div", "", "nav-rule").props("aria-hidden=true")
            for place in group:
                _link(studio, place, path)


def _link(studio: Studio, place: Item, path: str) -> None:
    with Tag("a", "", "nav-link", icon=place.icon) as link:
        link.attribute("href", address_of(place.path)).attribute("title", place.tip or None)
        Tag("span", _(place.title), "nav-title")
        if place.path == path:
            link.props("aria-current=page")
        if place.path in _COUNTS:
            counted = _COUNTS[place.path]
            count = Tag("span", "", "nav-count")
            tooltip(count, _(counted.tip))
            _show_count(count, counted, studio)
            ui.timer(COUNT_SECONDS, lambda: _show_count(count, counted, studio))


def _running_here(studio: Studio) -> int:
    return sum(view.active for view in studio.views.of("convert", "convert"))


@dataclass(frozen=True, slots=True)
class Count:
    """What is counted beside a page's name: what that page lists. ``label`` says it to who can't see it."""

    of: Callable[[Studio], int]
    tip: str
    label: Callable[[int], str]


_COUNTS = {
    "/": Count(
        _running_here,
        N_("Conversions running"),
        lambda count: plural("{count} conversion running", "{count} conversions running", count),
    ),
    "/queue": Count(
        lambda studio: studio.queue.open,
        N_("Conversions running or waiting"),
        lambda count: plural("{count} conversion running or waiting", "{count} conversions running or waiting", count),
    ),
}


def _show_count(element: Tag, counted: Count, studio: Studio) -> None:
    number = counted.of(studio)
    element.show(str(number) if number else "")
    element.attribute("hidden", None if number else True)
    element.attribute("aria-label", counted.label(number) if number else None)
