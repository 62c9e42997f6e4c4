"""Above the models: what to look for, by what to sort, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from nicegui import ui

from mlx_convert_core.plugin import units
from mlx_convert_ui.pages.library.model_list import columns
from mlx_convert_ui.state.library_rows import LibraryRow, size_of
from mlx_convert_ui.state.library_view import Asked, counted_by
from mlx_convert_ui.widgets.components import CROSS, Button, Tag, attributes, block
from mlx_convert_ui.widgets.native_select import NativeSelect
from mlx_convert_ui.words import _, joined, plural

SOURCES = 200  # that the list of sources names, those with most models; others are searched for


class Toolbar:
    """The fields; ``changed`` is told what is asked for with each change."""

    def __init__(self, asked: Asked, changed: Callable[[Asked], Any]) -> None:
        self._asked = asked
        self._changed = changed
        with block("toolbar"):
            with block("search grow"):
                Tag("span", "", "search-icon", icon="search").props("aria-hidden=true")
                self._box = ui.input(value=asked.words, placeholder=_("Search"), on_change=self._search).mark("search")
                self._box.props(f"outlined dense hide-bottom-space clearable clear-icon='{CROSS}' debounce=150")
                attributes(self._box, {"aria-label": _("Search")})
            self._group = Button(_("Group by source"), self._turn_group, icon="library").mark("group")
            self._summary = Tag("span", "", "muted push").props("role=status").mark("summary")
        with block("toolbar filters", label=_("Filters")).props("role=group"):
            self._source = self._select({"": _("Any source")}, "source", _("Source"))
            self._quantization = self._select({"": _("Any quantization")}, "quantization", _("Quantization"))
            self._size = self._select(_sizes(), "size", _("Size"))
            self._days = self._select(_days(), "days", _("Converted"))
            self._condition = self._select(_conditions(), "condition", _("State"))
            with block("narrow-only"):
                self._order = NativeSelect(_orders(), _order(asked), self._sort, label=_("Sort by")).mark("sort")
            label = _("Clear search and filters")
            self._clear = Button(_("Clear"), self._ask_all, icon="x", kind="ghost", label=label)
            self._clear.mark("clear-filters")
        self.show(asked)

    def show(self, asked: Asked) -> None:
        """Show what is asked for."""
        self._asked = asked
        if (self._box.value or "") != asked.words:
            self._box.value = asked.words
        for select, name in self._named():
            select.offer(select.options, getattr(asked, name))
        self._order.offer(_orders(), _order(asked))
        self._group.attribute("aria-pressed", "true" if asked.grouped else "false")
        self._clear.set_visibility(asked.filters)

    def offer(self, rows: Sequence[LibraryRow]) -> None:
        """Offer the sources and quantizations that there are."""
        asked = self._asked
        sources = counted_by(rows, "source")
        known = {**dict(sources[:SOURCES]), **{name: count for name, count in sources if name == asked.source}}
        self._source.offer(_counted(_("Any source"), known, asked.source), asked.source)
        quantizations = dict(counted_by(rows, "quantization"))
        self._quantization.offer(_counted(_("Any quantization"), quantizations, asked.quantization), asked.quantization)

    def count(self, found: Sequence[LibraryRow], of: int) -> None:
        """Say how many there are, and of how many."""
        size = units.size(size_of(found))
        models = plural("{count:,} model", "{count:,} models", len(found))
        if len(found) < of:
            models = plural("{found} of {count:,} model", "{found} of {count:,} models", of, found=f"{len(found):,}")
        self._summary.show(joined(models, size))

    def _named(self) -> tuple[tuple[NativeSelect, str], ...]:
        return (
            (self._source, "source"),
            (self._quantization, "quantization"),
            (self._size, "size"),
            (self._days, "days"),
            (self._condition, "condition"),
        )

    def _select(self, options: dict[str, str], name: str, label: str) -> NativeSelect:
        def choose(value: str) -> Any:
            return self._ask(**{name: value})

        return NativeSelect(options, getattr(self._asked, name), choose, label=label).mark(f"by-{name}")

    def _search(self, event: Any) -> Any:
        words = event.value or ""
        return None if words == self._asked.words else self._ask(words=words)

    def _sort(self, value: str) -> Any:
        order, _space, turned = value.partition(" ")
        return self._ask(order=order, reverse=bool(turned))

    def _turn_group(self) -> Any:
        return self._ask(grouped=not self._asked.grouped)

    def _ask_all(self) -> Any:
        asked = self._asked
        return self._changed(Asked(order=asked.order, reverse=asked.reverse, grouped=asked.grouped))

    def _ask(self, **changes: Any) -> Any:
        return self._changed(replace(self._asked, **changes))


def _sizes() -> dict[str, str]:
    return {
        "": _("Any size"),
        "-1": _("Below 1 GB"),
        "1-4": _("1 to 4 GB"),
        "4-16": _("4 to 16 GB"),
        "16-": _("Above 16 GB"),
    }


def _days() -> dict[str, str]:
    return {
        "": _("Any time"),
        "1": _("Last day"),
        "7": _("Last 7 days"),
        "30": _("Last 30 days"),
        "365": _("Last year"),
    }


def _conditions() -> dict[str, str]:
    return {
        "": _("Any state"),
        "there": _("Folder is there"),
        "missing": _("Missing"),
        "changed": _("Changed or damaged"),
    }


def _order(asked: Asked) -> str:
    return f"{asked.order}{' reversed' if asked.reverse else ''}"


def _orders() -> dict[str, str]:
    orders: dict[str, str] = {}
    for order, column in columns().items():
        orders[order] = _("Sort by: {column}", column=column)
        orders[f"{order} reversed"] = _("Sort by: {column} (reversed)", column=column)
    return orders


def _counted(first: str, counts: dict[str, int], chosen: str) -> dict[str, str]:
    named = {name: f"{name} ({count:,})" for name, count in counts.items()}
    return {"": first, **named, **({chosen: f"{chosen} (0)"} if chosen and chosen not in named else {})}
