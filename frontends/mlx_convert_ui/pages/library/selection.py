"""The bar that says how many models are selected, and does things with all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlx_convert_core import Comparison
from mlx_convert_ui.state.library_rows import LibraryRow, summary
from mlx_convert_ui.widgets.components import Button, Tag, block

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
        with block("selection", "section", label="Selected models").mark("selection") as self._bar:
            self._words = Tag("span", "", "selection-words").props("aria-hidden=true").mark("selected")
            self._compare = self._button("Compare", "columns-2", acts.compare)
            self._measure = self._button("Measure quality", "scale", acts.measure)
            self._upload = self._button("Upload …", "upload", acts.upload)
            self._forget = self._button("Forget", "x", acts.forget)
            self._delete = self._button("Delete …", "trash-2", acts.delete)
            Button("Clear", clear, kind="ghost", classes="btn-small", label="Clear the selection").mark(
                "clear-selection"
            )
        self._bar.set_visibility(False)

    def draw(self) -> None:
        """Show what is selected now."""
        rows = self._selected()
        there = [row for row in rows if not row.missing]
        words = f"{summary(rows)} selected" if rows else ""
        self._words.show(words)
        self._said.show(words or "Nothing is selected")
        self._bar.set_visibility(bool(rows))
        self._compare.enable(Comparison.FEWEST <= len(there) <= Comparison.MOST)
        for button in (self._measure, self._upload, self._delete):
            button.enable(bool(there))

    def _button(self, text: str, icon: str, act: Act) -> Button:
        async def call() -> None:
            await act(self._selected())

        mark = f"selected-{text.lower().removesuffix(' …').replace(' ', '-')}"
        return Button(text, call, icon=icon, classes="btn-small").mark(mark)
