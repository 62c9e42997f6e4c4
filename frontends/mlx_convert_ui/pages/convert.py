"""The Convert page: source, precision, output; the estimate with the one button; running and finished jobs."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui

from mlx_convert_core import ConvertRequest, MlxConvertError
from mlx_convert_ui.components import block
from mlx_convert_ui.convert.estimate import EstimateCard
from mlx_convert_ui.convert.examiner import Examiner
from mlx_convert_ui.convert.form import Form
from mlx_convert_ui.convert.job_card import JobCard
from mlx_convert_ui.convert.output import OutputCard
from mlx_convert_ui.convert.precision import PrecisionCard
from mlx_convert_ui.convert.source import SourceCard
from mlx_convert_ui.dialogs import confirm
from mlx_convert_ui.studio import Studio
from mlx_convert_ui.theme import frame

JOB_SECONDS = 0.15


def register(studio: Studio) -> None:
    """Serve it at /."""

    @ui.page("/")
    def page(ref: str = "") -> None:
        with frame(studio, "/", "Convert", "Turn a Hugging Face or local model into a fast MLX model."):
            ConvertPage(studio, _form(studio, ref))


class ConvertPage:
    """The form of one tab, and the jobs of all of them."""

    def __init__(self, studio: Studio, form: Form) -> None:
        self._studio = studio
        self._form = form
        self._cards: dict[str, JobCard] = {}
        self._examiner = Examiner(studio, form, self._draw)
        with block("columns"):
            with block("column"):
                self._jobs = block("column jobs")
                self._source = SourceCard(studio, form, self._new_source)
                self._precision = PrecisionCard(studio.workspace.presets, form, self._new_choice)
                self._output = OutputCard(studio, form, self._new_place)
            with block("column sticky"):
                self._estimate = EstimateCard(self._start)
        self._draw_jobs()
        ui.timer(JOB_SECONDS, self._draw_jobs)
        self._examiner.source_changed(delay=0)

    def _new_source(self) -> None:
        self._keep()
        self._examiner.source_changed()

    def _new_choice(self) -> None:
        self._keep()
        self._examiner.choice_changed()

    def _new_place(self) -> None:
        self._keep()
        self._examiner.choice_changed(delay=0.3)

    def _keep(self) -> None:
        self._studio.draft.convert = self._form.as_draft()

    def _draw(self) -> None:
        for part in (self._source, self._precision, self._output, self._estimate):
            part.draw(self._examiner)

    async def _start(self) -> None:
        look = self._examiner.look
        if look.plan is None or look.output is None or look.refused:
            return
        if look.exists and not await _may_replace(look.output.path):
            return
        self._run(self._form.request(name=look.output.path.name, force=look.exists))

    def _run(self, request: ConvertRequest) -> None:
        try:
            view = self._studio.convert(request)
        except MlxConvertError as error:
            self._examiner.look.error = error
            self._draw()
            return
        for older in self._studio.views.of("convert"):
            older.dismissed |= not older.active and older.model == view.model and older is not view
        self._draw_jobs()
        ui.run_javascript("document.querySelector('.main').scrollIntoView({block: 'start'})")

    def _draw_jobs(self) -> None:
        views = self._studio.views.of("convert")
        known = {view.job.id for view in views}
        for gone in [key for key in self._cards if key not in known]:
            self._cards.pop(gone).element.delete()
        for view in reversed(views):
            if view.job.id not in self._cards:
                with self._jobs:
                    card = JobCard(view, self._run)
                card.element.move(self._jobs, target_index=0)
                self._cards[view.job.id] = card
        ended = [card.refresh() for card in self._cards.values()]
        if any(ended):
            self._examiner.choice_changed()  # the output folder may be taken now


async def _may_replace(path: Path) -> bool:
    return await confirm(
        f"Replace {path.name}?",
        f"{path} exists. It stays as it is until the new one is complete and checked; then it is deleted.",
        action="Replace",
    )


def _form(studio: Studio, ref: str) -> Form:
    """The last draft, or a fresh form with the settings' defaults."""
    settings = studio.workspace.settings.load()
    form = Form(preset=settings.preset, folder=str(settings.output_folder.expanduser().absolute()))
    if studio.draft.convert:
        form = Form(**studio.draft.convert)
    if form.preset not in studio.workspace.presets:
        form.preset = next(iter(studio.workspace.presets), "4bit")
    if ref:
        form.type_ref(ref)
    return form
