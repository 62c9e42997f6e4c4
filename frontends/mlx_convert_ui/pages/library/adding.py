"""The dialog that looks for models which another tool made."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import run, ui

from mlx_convert_core import LibraryEntry, MlxConvertError
from mlx_convert_core.plugin import SCAN_LEVELS, expanded
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, block, field, named
from mlx_convert_ui.widgets.dialogs import answer_of, show_error, waiting
from mlx_convert_ui.widgets.picker import pick_folder
from mlx_convert_ui.words import _

SHOWN = 5  # of what was left out


@dataclass(frozen=True, slots=True)
class Found:
    """The models that joined the library, and in a sentence each what was left out."""

    models: tuple[LibraryEntry, ...]
    left_out: tuple[str, ...]


def _text() -> str:
    return _(
        "Every MLX model in the folder and up to {levels} levels below it joins the library. Hidden folders are left "
        "out. Nothing is moved, copied or changed.",
        levels=SCAN_LEVELS,
    )


async def add_folder(studio: Studio) -> Found | None:
    """Ask for a folder and add the models in it; None when the person thinks better of it."""
    dialog = _Adding(studio)
    found = await answer_of(dialog.dialog)
    return found if isinstance(found, Found) else None


class _Adding:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with ui.dialog().props("aria-labelledby=adding-title transition-duration=120") as self.dialog, block("dialog"):
            Tag("h2", _("Add models made elsewhere"), "dialog-title").props("id=adding-title")
            Tag("p", _text(), "dialog-text")
            with block("stack").style("margin-top: 14px"):
                with field(_("Folder")) as name, block("row-line"):
                    self._path = ui.input(placeholder="~/models").mark("scan-path").classes("grow")
                    named(self._path, name).props("spellcheck=false autofocus").on("keydown.enter", self._scan, [])
                    Button("", self._pick, icon="folder-open", label=_("Choose a folder")).mark("browse-scan")
                self._notes = block("notes")
            with block("dialog-actions"):
                Button(_("Cancel"), lambda: self.dialog.submit(None)).mark("cancel")
                self._button = Button(_("Find models"), self._scan, kind="primary").mark("scan")

    async def _pick(self) -> None:
        chosen = await pick_folder(self._studio, _("Choose a folder with models"), self._path.value or "")
        if chosen:
            self._path.value = chosen

    async def _scan(self) -> None:
        text = (self._path.value or "").strip()
        try:
            if not text:
                raise MlxConvertError(_("No folder is named."), hint=_("Type its path, or choose it."))
            self._button.enable(False)
            folder = expanded(text)
            left_out: list[str] = []
            async with waiting(_("Looking for models …")):
                found = await run.io_bound(self._studio.workspace.scan, folder, left_out.append)
            if not found:
                raise MlxConvertError(
                    " ".join([_("There is no MLX model in {folder}.", folder=folder), *left_out[:SHOWN]]),
                    hint=_(
                        "An MLX model is a folder with config.json and model*.safetensors written by MLX. "
                        "To make one from another checkpoint, convert it."
                    ),
                )
        except MlxConvertError as error:
            show_error(self._notes, error)
        else:
            self.dialog.submit(Found(tuple(found or ()), tuple(left_out)))
        finally:
            self._button.enable()
