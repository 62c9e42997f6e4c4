"""Two to four models to choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlx_convert_core import Comparison, LibraryEntry
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, block
from mlx_convert_ui.widgets.model_choice import ModelChoice
from mlx_convert_ui.words import _


class ModelChoices:
    """A ModelChoice for each column, and buttons for more or fewer."""

    def __init__(
        self, studio: Studio, entries: Sequence[LibraryEntry], values: Sequence[str], changed: Callable[[], None]
    ) -> None:
        self._studio = studio
        self._entries = entries
        self._changed = changed
        self.values = [*values[: Comparison.MOST], *[""] * (Comparison.FEWEST - len(values))]
        self._rows = block("compare-models")
        self._add = Button(_("Add a model"), self._more, icon="plus", classes="btn-small").mark("add-model")
        self._draw()

    def _draw(self) -> None:
        self._rows.clear()
        with self._rows:
            for index in range(len(self.values)):
                self._row(index)
        self._add.set_visibility(len(self.values) < Comparison.MOST)

    def _row(self, index: int) -> None:
        def choose(value: str) -> None:
            self.values[index] = value
            self._changed()

        def remove() -> None:
            del self.values[index]
            self._draw()
            self._changed()

        with block("compare-model"):
            Tag("span", str(index + 1), "compare-number").props("aria-hidden=true")
            label = _("Model {number}", number=index + 1)
            ModelChoice(self._studio, self._entries, self.values[index], choose, label=label, marker=str(index))
            if len(self.values) > Comparison.FEWEST:
                label = _("Remove model {number}", number=index + 1)
                Button("", remove, icon="x", kind="ghost", label=label).mark(f"remove{index}")

    def _more(self) -> None:
        paths = (str(entry.path) for entry in self._entries)
        self.values.append(next((path for path in paths if path not in self.values), ""))
        self._draw()
        self._changed()
