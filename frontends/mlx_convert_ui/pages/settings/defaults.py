"""The cards whose fields are kept as soon as they change: converting, uploads, appearance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import run, ui

from mlx_convert_core import InvalidRequest, MlxConvertError
from mlx_convert_core.plugin import cannot_hold, expanded
from mlx_convert_ui.state.preferences import Theme
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.state.upload_form import title_of
from mlx_convert_ui.widgets.components import CHEVRON, Button, Tag, block, card, field, named, note
from mlx_convert_ui.widgets.frame import ThemeRadio
from mlx_convert_ui.widgets.picker import pick_folder
from mlx_convert_ui.words import N_, _, given
from mlx_convert_ui.words.catalogues import ENGLISH, languages, load

TYPING_SECONDS = 0.6
_THEMES = {Theme.SYSTEM: N_("Same as the system"), Theme.LIGHT: N_("Light"), Theme.DARK: N_("Dark")}


class SavedNote:
    """Says beside a card's title that a change was kept, or below its fields why it was not."""

    def __init__(self, title: str) -> None:
        self._mark = Tag("span", "", "kept", label="").props("role=status")
        self._title = title
        self.notes: ui.element | None = None

    async def keep(self, change: Callable[[], Any]) -> None:
        """Carry out ``change`` on a thread and tell how it went."""
        if self.notes is not None:
            self.notes.clear()
        try:
            await run.io_bound(change)
        except MlxConvertError as error:
            self._mark.show("")
            if self.notes is not None:
                with self.notes:
                    note("error", error.message, error.hint)
        else:
            self._mark.show(_("Saved"))


def converting(studio: Studio) -> None:
    """Where converted models go, and the preset that is chosen at first."""
    settings, problem = studio.workspace.settings.load(), studio.workspace.settings.problem
    if problem:
        note("warning", problem)
    with card(_("Converting")) as section:
        with section.default_slot.children[0]:
            kept = SavedNote(_("Converting"))
        with block("fields"):
            with (
                field(_("Output folder"), _("Where converted models are put unless you choose another place.")) as name,
                block("row-line"),
            ):
                box = (
                    ui.input(value=str(expanded(settings.output_folder).absolute()))
                    .mark("output-folder")
                    .classes("grow")
                )
                named(box, name).props("spellcheck=false")
                Button("", lambda: pick(), icon="folder-open", label=_("Choose a folder")).mark("browse-folder")
            with field(_("Preset"), _("What is chosen at first when you convert a model.")) as name:
                options = {key: given(preset.title) for key, preset in studio.workspace.presets.items()}
                select = ui.select(options, value=settings.preset if settings.preset in options else None)
                named(select, name).props(f"dropdown-icon='{CHEVRON}' options-dense")
                select.mark("default-preset")
        kept.notes = block("notes")
    pause = Pause()

    async def typed() -> None:
        if await pause.over():
            text = (box.value or "").strip()
            await kept.keep(lambda: _keep_folder(studio, text or "models"))

    async def chosen() -> None:
        await kept.keep(lambda: studio.workspace.settings.set("preset", select.value))

    async def pick() -> None:
        folder = await pick_folder(studio, _("Choose an output folder"), box.value or "")
        if folder:
            box.value = folder

    box.on_value_change(typed)
    select.on_value_change(chosen)


def _keep_folder(studio: Studio, folder: str) -> None:
    """Keep it, once models can be put there. Raises InvalidRequest."""
    path = expanded(folder).absolute()
    problem = cannot_hold(path)
    if problem:
        raise InvalidRequest(
            _("models can't be put into {path}: {problem}.", path=str(path), problem=problem),
            hint=_("Choose another folder."),
        )
    studio.workspace.settings.set("output_folder", folder)


def uploads(studio: Studio) -> None:
    """Where the upload dialog starts."""
    targets = studio.workspace.upload_targets()
    preferences = studio.preferences
    with card(_("Uploads")) as section:
        with section.default_slot.children[0]:
            kept = SavedNote(_("Uploads"))
        with block("fields"):
            with field(_("Where to"), _("The place that the upload dialog starts with.")) as name:
                options = {key: title_of(target) for key, target in targets.items()}
                select = ui.select(
                    options, value=preferences.upload_target if preferences.upload_target in options else None
                )
                named(select, name).props(f"dropdown-icon='{CHEVRON}' options-dense")
                select.mark("default-target")
            with field(
                _("Who can see it"), _("Private uploads are seen by you alone until you change that on the site.")
            ) as name:
                who = ui.select({False: _("Only me"), True: _("Anyone")}, value=preferences.upload_public)
                named(who, name).props(f"dropdown-icon='{CHEVRON}' options-dense")
                who.mark("default-public")

    async def change(name: str, value: Any) -> None:
        await kept.keep(lambda: studio.prefer(**{name: value}))

    select.on_value_change(lambda event: change("upload_target", event.value))
    who.on_value_change(lambda event: change("upload_public", bool(event.value)))


def appearance(studio: Studio) -> None:
    """The theme and the language, shown and kept at once."""
    with card(_("Appearance")), block("stack"):
        with block("row-line"):
            with block("segments", "fieldset", label=_("Theme")):
                for theme, title in _THEMES.items():
                    with Tag("label", "", "segment"):
                        ThemeRadio(studio, theme)
                        Tag("span", _(title))
            Tag("span", _("For every tab, and for next time."), "muted")
        with block("fields"), field(_("Language"), _("Models and plugins keep their own words.")) as name:
            _language(studio, name)


def _language(studio: Studio, name: str) -> None:
    options = {"browser": _("Same as the browser"), ENGLISH.language: ENGLISH.name}
    options |= {language: load(language).name for language in languages()}
    select = ui.select(options, value=studio.workspace.settings.load().language).mark("language")
    named(select, name).props(f"dropdown-icon='{CHEVRON}' options-dense")

    async def chosen() -> None:
        await run.io_bound(studio.workspace.settings.set, "language", select.value)
        ui.navigate.reload()

    select.on_value_change(chosen)


class Pause:
    """Tells whether typing has paused."""

    def __init__(self) -> None:
        self._turn = 0

    async def over(self) -> bool:
        """True once nothing more was typed for a moment; False when more came."""
        self._turn += 1
        turn = self._turn
        await asyncio.sleep(TYPING_SECONDS)
        return turn == self._turn
