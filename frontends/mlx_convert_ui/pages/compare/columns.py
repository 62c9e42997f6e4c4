"""The answers side by side, each with its figures and the place where it parts from the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlx_convert_core import JobState
from mlx_convert_core.plugin import units
from mlx_convert_ui import wording
from mlx_convert_ui.pages.compare.summary import export_button, summary
from mlx_convert_ui.state.comparisons import Column, ShownComparison, marked_at
from mlx_convert_ui.state.naming import differing
from mlx_convert_ui.widgets.answer import Answer, copy_button, is_loading, state_badge
from mlx_convert_ui.widgets.components import Tag, block
from mlx_convert_ui.widgets.model_menu import cut_name
from mlx_convert_ui.words import _, joined, plural


class Columns:
    """Draws ``shown`` as it is now; `refresh` sends what changed since. ``again`` compares the same models anew."""

    def __init__(self, shown: ShownComparison, again: Callable[[], Any]) -> None:
        self.shown = shown
        request = shown.comparison.request
        with block("compare-head"):
            Tag("h2", _("Answers"), "card-title")
            Tag("span", _("Seed {number}", number=request.seed), "card-hint")
            self._message = Tag("span", "", "card-hint")
            self._export = block("push")
        self._summary = block("compare-summary")
        self._summed = False
        shorts = differing([column.view.model for column in shown.columns])
        with block(f"compare-columns compare-{len(shown.columns)}"):
            self._columns = [ColumnView(shown, index, short, again) for index, short in enumerate(shorts)]

    def refresh(self) -> None:
        """Draw the changes; cheap when there are none."""
        self._message.show(self.shown.view.log[-1] if self.shown.view.log and self.shown.active else "")
        for column in self._columns:
            column.refresh()
        if not self._summed and not self.shown.active:
            self._summed = True
            with self._export:
                export_button(self.shown)
            with self._summary:
                summary(self.shown)


class ColumnView:
    """One model's answer."""

    def __init__(self, shown: ShownComparison, index: int, short: str, again: Callable[[], Any]) -> None:
        self._shown = shown
        column = shown.columns[index]
        self._index = index
        self._view = column.view
        self._pointed = False
        self._said: tuple[object, ...] = ()
        with block("card compare-column", "section", label=column.view.model).mark("column"):
            with block("card-head"):
                Tag("span", str(index + 1), "compare-number").props("aria-hidden=true")
                Tag("h3", short, "card-title compare-name").attribute("title", str(column.path))
                self._state = block("push row-line")
            if short != column.view.model:
                with block("compare-full"):
                    cut_name(column.view.model)
            Tag("p", _size(column), "compare-size")
            self._answer = Answer(self._view, again)
            self._parting = Tag("p", "", "compare-parting")
        self._draw_state()

    def refresh(self) -> None:
        """Draw the changes."""
        if self._answer.refresh():
            self._draw_state()
        place = self._place()
        self._point_out(place)
        now = (place, self._pointed, self._view.state, self._shown.columns[0].view.state)
        if now != self._said:
            self._said = now
            self._parting.show(self._wording(place))

    def _draw_state(self) -> None:
        view = self._view
        self._state.clear()
        with self._state:
            if view.state is JobState.QUEUED or (view.active and not view.chunks and not is_loading(view)):
                Tag("span", _("Waiting"), "badge")
            else:
                state_badge(view)
            if view.chunks and not view.active:
                copy_button(view.text)

    def _place(self) -> int | None:
        return self._shown.first_parting() if self._index == 0 else self._shown.parting(self._index)

    def _point_out(self, place: int | None) -> None:
        """Mark the token that differs, once it is known and drawn."""
        if self._pointed or self._answer.stream is None or place is None:
            return
        start, end = marked_at(self._view, place)
        if start < end and (end < len(self._view.text) or not self._view.active):  # its last letter has come
            self._pointed = True
            self._answer.stream.point_out(start, end)

    def _wording(self, place: int | None) -> str:
        view, first = self._view, self._shown.columns[0].view
        if self._index == 0:
            marked = _("The mark shows where another model's answer first differs.")
            return "" if self._place() is None else marked
        if place is None:
            over = view.state is JobState.FINISHED and first.state is JobState.FINISHED
            return _("Exactly the same answer.") if over else ""
        before = len(view.text[:place].split())
        if place == len(view.text) and not view.active:
            return plural(
                "Ends after {count:,} word, where model 1 goes on.",
                "Ends after {count:,} words, where model 1 goes on.",
                before,
            )
        start, end = marked_at(view, place)
        token = view.text[start:end]
        if token and not before:
            return _("Differs from model 1 from the first word on: “{token}”.", token=token)
        if not token:
            return plural(
                "Differs from model 1 after {count:,} word.", "Differs from model 1 after {count:,} words.", before
            )
        return plural(
            "Differs from model 1 after {count:,} word: “{token}”.",
            "Differs from model 1 after {count:,} words: “{token}”.",
            before,
            token=token,
        )


def _size(column: Column) -> str:
    entry = column.entry
    if entry is None:
        return _("Not a converted model that can be read")
    return joined(units.size(entry.size), wording.bits_per_weight(entry.bits_per_weight), entry.quantization)
