"""The bar that says how many models are selected, and does things with all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlx_convert_core import Comparison
from mlx_convert_core.plugin import units
from mlx_convert_ui.state.library_rows import LibraryRow, size_of
from mlx_convert_ui.widgets.components import Button, Tag, block
from mlx_convert_ui.words import _, joined, plural

Act = Callable[[Sequence[LibraryRow]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionActions:
    """What can be done with several models; each is called with those that are selected."""

    compare: Act
    measure: Act
    upload: Act
    forget: Act
    delete: Act


class SelectionBar:
    """Is there while something is selected, at the lower edge of the screen."""

    def __init__(self, selected: Callable[[], Sequence[LibraryRow]], clear: Callable[[], Any], acts: SelectionActions):
        self._selected = selected
        self._said = Tag("p", "", "unseen").props("role=status")  # is there all the time, else nobody would hear it
        with block("selection", "section", label=_("Selected models")).mark("selection") as self._bar:
            self._words = Tag("span", "", "selection-words").props("aria-hidden=true").mark("selected")
            self._compare = self._button("compare", _("Compare"), "columns-2", acts.compare)
            self._measure = self._button("measure-quality", _("Measure quality"), "scale", acts.measure)
            self._upload = self._button("upload", _("Upload …"), "upload", acts.upload)
            self._forget = self._button("forget", _("Forget"), "x", acts.forget)
            self._delete = self._button("delete", _("Delete …"), "trash-2", acts.delete)
            label = _("Clear the selection")
            Button(_("Clear"), clear, kind="ghost", classes="btn-small", label=label).mark("clear-selection")
        self._bar.set_visibility(False)

    def draw(self) -> None:
        """Show what is selected now."""
        rows = self._selected()
        there = [row for row in rows if not row.missing]
        number = plural("{count:,} model selected", "{count:,} models selected", len(rows))
        words = joined(number, units.size(size_of(rows))) if rows else ""
        self._words.show(words)
        self._said.show(words or _("Nothing is selected"))
        self._bar.set_visibility(bool(rows))
        self._compare.enable(Comparison.FEWEST <= len(there) <= Comparison.MOST)
        for button in (self._measure, self._upload, self._delete):
            button.enable(bool(there))

    def _button(self, mark: str, text: str, icon: str, act: Act) -> Button:
        async def call() -> None:
            await act(self._selected())

        return Button(text, call, icon=icon, classes="btn-small").mark(f"selected-{mark}")
