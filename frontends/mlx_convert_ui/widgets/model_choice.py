"""Which model answers: one from the library, or any folder, browsed for or typed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui

from mlx_convert_core import LibraryEntry, MlxConvertError
from mlx_convert_core.plugin import expanded, memory_now
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, attributes, block
from mlx_convert_ui.widgets.dialogs import HIDDEN_AFTER
from mlx_convert_ui.widgets.fitting import fit_badge
from mlx_convert_ui.widgets.model_menu import ANOTHER, ModelMenu, about_model, cut_name
from mlx_convert_ui.widgets.picker import pick_folder
from mlx_convert_ui.words import _

_numbers = itertools.count(1)


class ModelChoice:
    """A button that says which model is chosen, with the library's below it, and, for any other folder, a path.

    ``value`` is what is chosen: a folder, or "" for nothing. ``marker`` tells several on a page apart.
    """

    def __init__(
        self,
        studio: Studio,
        entries: Sequence[LibraryEntry],
        value: str,
        changed: Callable[[str], Any],
        *,
        label: str = "",
        marker: str = "",
    ) -> None:
        self._studio = studio
        self._entries = {str(entry.path): entry for entry in entries}
        self._changed = changed
        self._label = label = label or _("Model")
        self.value = value
        known = value in self._entries
        with block("model-choice"):
            if self._entries:
                self._button = Tag("button", "", "model-button").mark(f"model{marker}").on("click", self._open, [])
                self._id = f"model-button-{next(_numbers)}"
                attributes(self._button, {"id": self._id, "type": "button", "aria-haspopup": "dialog"})
                self._menu = ModelMenu(self._entries, self._choose, label)
            with block("row-line model-path") as self._other:
                self._path = ui.input(value="" if known else value, on_change=self._type).mark(f"path{marker}")
                self._path.classes("grow").props("outlined dense hide-bottom-space spellcheck=false")
                named = {
                    "aria-label": _("{label}: its folder", label=label),
                    "placeholder": _("Folder of a converted model"),
                }
                attributes(self._path, named)
                browse = Button(_("Browse"), self._pick, icon="folder-open", label=_("{label}: browse", label=label))
                browse.mark(f"browse{marker}")
        self._draw()

    @property
    def entry(self) -> LibraryEntry | None:
        """The library's entry of what is chosen, None for another folder."""
        return self._entries.get(self.value)

    def show(self, value: str) -> None:
        """Have ``value`` chosen, without telling anybody."""
        self.value = value
        if self.entry is None:
            self._path.value = value
        self._draw()

    def _draw(self) -> None:
        """Say what is chosen."""
        self._other.set_visibility(self.entry is None)
        if not self._entries:
            return
        self._button.clear()
        with self._button:
            Tag("span", f"{self._label}: ", "sr-only")
            if self.entry is not None:
                cut_name(self.entry.name)
                if (fit := self.entry.fit(memory_now())).verdict != "runs":
                    fit_badge(fit)
                Tag("span", about_model(self.entry), "model-about")
            else:
                Tag("span", _("Another folder"))

    def _open(self) -> None:
        self._menu.open(self._id, self.value)

    def _choose(self, path: str) -> Any:
        changed = self._set(path or self._typed())
        self._draw()
        if path == ANOTHER:  # once the menu has given the focus back
            ui.timer(HIDDEN_AFTER, lambda: self._path.run_method("focus"), once=True)
        return changed

    def _type(self) -> Any:
        return self._set(self._typed())

    def _typed(self) -> str:
        return str(self._path.value or "").strip()

    def _set(self, value: str) -> Any:
        """Tell what is chosen now; what comes back may be awaited."""
        if value == self.value:
            return None
        self.value = value
        return self._changed(value)

    async def _pick(self) -> None:
        chosen = await pick_folder(self._studio, _("Choose a converted model"), self.value)
        if chosen:
            self._path.value = chosen


def model_folder(value: str) -> str:
    """What was chosen, as a path. Raises MlxConvertError when nothing was."""
    if not value:
        raise MlxConvertError(_("no model is chosen."), hint=_("Choose one from the library, or name its folder."))
    return str(expanded(value))


def no_models() -> None:
    """The way to a first model, for a page that needs one."""
    Button(_("Convert a model"), lambda: ui.navigate.to("/"), icon="wand-sparkles").mark("go-convert")
