"""The page of one model of the library, at /model?model=FOLDER."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from nicegui import run, ui

from mlx_convert_core import BenchRequest, MeasureRequest, MlxConvertError
from mlx_convert_core.plugin import ModelDetails
from mlx_convert_ui.pages.model.cards import card_text, checks_card, files_card, made_card
from mlx_convert_ui.pages.model.comparing import comparing_card
from mlx_convert_ui.pages.model.errors import errors_card
from mlx_convert_ui.pages.model.layers import layers_card
from mlx_convert_ui.pages.model.reading import Seen, read
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, block, note
from mlx_convert_ui.widgets.desktop import SHOW_LABEL, reveal
from mlx_convert_ui.widgets.dialogs import lasting, show_error
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.widgets.measuring import measuring_list
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.widgets.upload_dialog import upload_dialog
from mlx_convert_ui.words import _

LOOK_SECONDS = 1.0


def register(studio: Studio) -> None:
    """Serve it at /model."""

    @ui.page("/model", response_timeout=READ_SECONDS)
    async def page(model: str = "") -> None:
        seen = await run.io_bound(read, studio, model) or Seen()
        name = seen.details.entry.name if seen.details else _("Model not found")
        with frame(studio, "/library", name, seen.details.proof if seen.details else "") as actions:
            if seen.details is None:
                _unknown(seen)
            else:
                ModelPage(studio, seen.details, seen.recipe, actions)


class ModelPage:
    """One tab's view of a model."""

    def __init__(self, studio: Studio, details: ModelDetails, recipe: str, actions: ui.element) -> None:
        self._studio = studio
        self._details = details
        self._finished = studio.views.finished
        entry = details.entry
        place = quote(str(entry.path))
        with actions:
            if not entry.missing:
                Button(
                    _("Chat"), lambda: ui.navigate.to(f"/chat?model={place}"), icon="message-square", kind="primary"
                ).mark("chat")
        self._notes = block("notes")
        measuring_list(
            lambda: tuple(view for view in self._views() if view.place == str(entry.path)),
            lambda view, request: studio.measure(Path(view.place), request),
        )
        if details.trouble:
            note("warning", _("The folder is gone.") if entry.missing else details.trouble)
        with block("column"):
            made_card(details, recipe, self._buttons)
            checks_card(details)
            comparing_card(details, self._measure_buttons)
            layers_card(details.layers)
            errors_card(details.record)
            files_card(details)
            card_text(details.card)
        ui.timer(LOOK_SECONDS, self._look)

    def _views(self) -> tuple[JobView, ...]:
        views = self._studio.views
        return (*views.of("measure"), *views.of("bench"))

    def _measure_buttons(self) -> None:
        entry = self._details.entry
        if entry.missing:
            return
        with block("actions"):
            Button(_("Measure quality"), lasting(lambda: self._measure(MeasureRequest())), icon="scale").mark("measure")
            Button(_("Measure speed"), lasting(lambda: self._measure(BenchRequest())), icon="clock").mark("bench")

    def _buttons(self) -> None:
        entry = self._details.entry
        if not entry.missing:
            place = quote(str(entry.path))
            _button("test", _("Test"), lambda: ui.navigate.to(f"/test?model={place}"), "flask-conical")
            _button("compare", _("Compare"), lambda: ui.navigate.to(f"/compare?model={place}"), "columns-2")
            _button("upload", _("Upload …"), lasting(self._upload), "upload")
            _button("show-folder", _(SHOW_LABEL), lasting(lambda: reveal(entry.path)), "folder-open")

    async def _measure(self, request: MeasureRequest | BenchRequest) -> None:
        try:
            await run.io_bound(self._studio.measure, self._details.entry.path, request)
        except MlxConvertError as error:
            show_error(self._notes, error)

    async def _upload(self) -> None:
        await upload_dialog(self._studio, self._details.entry.path)

    def _look(self) -> None:
        """Draw the page anew when there are new figures."""
        if self._finished != self._studio.views.finished:
            self._finished = self._studio.views.finished
            ui.navigate.reload()


def _button(mark: str, text: str, act: Callable[[], object], icon: str) -> None:
    Button(text, act, icon=icon, classes="btn-small").mark(mark)


def _unknown(seen: Seen) -> None:
    with block("notes"):
        if seen.problem is not None:
            tell(seen.problem, _to_library)
        else:
            note("error", _("No model was named."), actions=_to_library)


def _to_library() -> None:
    Button(_("Library"), lambda: ui.navigate.to("/library"), icon="library", classes="btn-small").mark("to-library")
