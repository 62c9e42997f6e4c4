"""Which model answers: one from the library, or any folder, browsed for or typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from nicegui import ui

from mlx_convert_core import LibraryEntry, MlxConvertError
from mlx_convert_core.plugin import expanded, memory_now
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import CHEVRON, Button, attributes, block
from mlx_convert_ui.widgets.model_search import AT_ONCE, find_model
from mlx_convert_ui.widgets.picker import pick_folder

ANOTHER = ""
SEARCH = "\0"  # no path


class ModelChoice:
    """A list of the library's models, with a search among many, and, for any other folder, a path with a picker.

    ``value`` is what is chosen: a folder, or "" for nothing. ``marker`` tells several on a page apart.
    """

    def __init__(
        self,
        studio: Studio,
        entries: Sequence[LibraryEntry],
        value: str,
        changed: Callable[[str], Any],
        *,
        label: str = "Model",
        marker: str = "",
    ) -> None:
        self._studio = studio
        self._entries = {str(entry.path): entry for entry in entries}
        self._changed = changed
        self.value = value
        known = value in self._entries
        with block("model-choice"):
            if self._entries:
                chosen = value if known else ANOTHER
                self._select = ui.select(self._options(value), value=chosen, on_change=self._choose)
                self._select.mark(f"model{marker}").props("outlined dense hide-bottom-space options-dense")
                attributes(self._select, {"dropdown-icon": CHEVRON, "aria-label": label})
            with block("row-line model-path") as self._other:
                self._path = ui.input(value="" if known else value, on_change=self._type).mark(f"path{marker}")
                self._path.classes("grow").props("outlined dense hide-bottom-space spellcheck=false")
                self._path.props('placeholder="Folder of a converted model"')
                attributes(self._path, {"aria-label": f"{label}: its folder"})
                Button("Browse", self._pick, icon="folder-open", label=f"Browse for {label.lower()}").mark(
                    f"browse{marker}"
                )
            self._other.set_visibility(not known)

    @property
    def entry(self) -> LibraryEntry | None:
        """The library's entry of what is chosen, None for another folder."""
        return self._entries.get(self.value)

    def _options(self, chosen: str) -> dict[str, str]:
        """The newest models and the chosen one; of a large library the others are searched for."""
        memory = memory_now()
        shown = {path: _named(entry, memory) for path, entry in islice(self._entries.items(), AT_ONCE)}
        if chosen in self._entries:
            shown[chosen] = _named(self._entries[chosen], memory)
        more = {SEARCH: f"Search all {len(self._entries):,} models …"} if len(self._entries) > len(shown) else {}
        return shown | more | {ANOTHER: "Another folder …"}

    def _choose(self, event: Any) -> Any:
        if event.value == SEARCH:
            return self._search()
        self._other.set_visibility(event.value == ANOTHER)
        return self._set(event.value or self._typed())

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

    async def _search(self) -> None:
        found = await find_model(tuple(self._entries.values()))
        chosen = str(found.path) if found is not None else self.value
        self._select.set_options(self._options(chosen), value=chosen if chosen in self._entries else ANOTHER)

    async def _pick(self) -> None:
        chosen = await pick_folder(self._studio, "Choose a converted model", self.value)
        if chosen:
            self._path.value = chosen


def _named(entry: LibraryEntry, memory: tuple[int, int]) -> str:
    """A model's name, with a word of warning for one that does not fit into memory."""
    found = entry.fit(memory)
    return entry.name if found.verdict == "runs" else f"{entry.name} ({found.words.lower()} for this machine)"


def model_folder(value: str) -> str:
    """What was chosen, as a path. Raises MlxConvertError when nothing was."""
    if not value:
        raise MlxConvertError("no model is chosen.", hint="Choose one from the library, or name its folder.")
    return str(expanded(value))


def no_models() -> None:
    """The way to a first model, for a page that needs one."""
    Button("Convert a model", lambda: ui.navigate.to("/"), icon="wand-sparkles").mark("go-convert")
