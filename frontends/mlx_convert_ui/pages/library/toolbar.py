"""Above the models: what to look for, by what to sort, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from nicegui import ui

from mlx_convert_ui.pages.library.model_list import COLUMNS
from mlx_convert_ui.state.library_rows import LibraryRow, summary
from mlx_convert_ui.state.library_view import Asked, counted_by
from mlx_convert_ui.widgets.components import CROSS, Button, Tag, block
from mlx_convert_ui.widgets.native_select import NativeSelect

SOURCES = 200  # that the list of sources names, those with most models; others are searched for
_SIZES = {"": "Any size", "-1": "Below 1 GB", "1-4": "1 to 4 GB", "4-16": "4 to 16 GB", "16-": "Above 16 GB"}
_DAYS = {"": "Any time", "1": "Last day", "7": "Last 7 days", "30": "Last 30 days", "365": "Last year"}
_CONDITIONS = {"": "Any state", "there": "Folder is there", "missing": "Missing", "changed": "Changed or damaged"}
_TURNED = ("", " (reversed)")


class Toolbar:
    """The fields; ``changed`` is told what is asked for with each change."""

    def __init__(self, asked: Asked, changed: Callable[[Asked], Any]) -> None:
        self._asked = asked
        self._changed = changed
        with block("toolbar"):
            with block("search grow"):
                Tag("span", "", "search-icon", icon="search").props("aria-hidden=true")
                self._box = ui.input(value=asked.words, placeholder="Search", on_change=self._search).mark("search")
                self._box.props(f"outlined dense hide-bottom-space clearable clear-icon='{CROSS}' aria-label=Search")
                self._box.props("debounce=150")
            self._group = Button("Group by source", self._turn_group, icon="library").mark("group")
            self._summary = Tag("span", "", "muted push").props("role=status").mark("summary")
        with block("toolbar filters", label="Filters").props("role=group"):
            self._source = self._select({"": "Any source"}, "source", "Source")
            self._quantization = self._select({"": "Any quantization"}, "quantization", "Quantization")
            self._size = self._select(_SIZES, "size", "Size")
            self._days = self._select(_DAYS, "days", "Converted")
            self._condition = self._select(_CONDITIONS, "condition", "State")
            with block("narrow-only"):
                self._order = NativeSelect(_orders(), _order(asked), self._sort, label="Sort by").mark("sort")
            self._clear = Button("Clear", self._ask_all, icon="x", kind="ghost", label="Clear search and filters")
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
        self._source.offer(_counted("Any source", known, asked.source), asked.source)
        quantizations = dict(counted_by(rows, "quantization"))
        self._quantization.offer(_counted("Any quantization", quantizations, asked.quantization), asked.quantization)

    def count(self, found: Sequence[LibraryRow], of: int) -> None:
        """Say how many there are, and of how many."""
        self._summary.show(summary(found) + (f" of {of:,}" if len(found) < of else ""))

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
        order, _, turned = value.partition(" ")
        return self._ask(order=order, reverse=bool(turned))

    def _turn_group(self) -> Any:
        return self._ask(grouped=not self._asked.grouped)

    def _ask_all(self) -> Any:
        asked = self._asked
        return self._changed(Asked(order=asked.order, reverse=asked.reverse, grouped=asked.grouped))

    def _ask(self, **changes: Any) -> Any:
        return self._changed(replace(self._asked, **changes))


def _order(asked: Asked) -> str:
    return f"{asked.order}{' reversed' if asked.reverse else ''}"


def _orders() -> dict[str, str]:
    return {
        f"{order}{' reversed' if turned else ''}": f"Sort by {title.lower()}{turned}"
        for order, title in COLUMNS.items()
        for turned in _TURNED
    }


def _counted(first: str, counts: dict[str, int], chosen: str) -> dict[str, str]:
    named = {name: f"{name} ({count:,})" for name, count in counts.items()}
    return {"": first, **named, **({chosen: f"{chosen} (0)"} if chosen and chosen not in named else {})}
