"""The Convert page: source, precision, output; the estimate with the one button; running and finished jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import Response
from fastapi.responses import RedirectResponse
from nicegui import run, ui

from mlx_convert_core import ConvertRequest, MlxConvertError, OutputPlan
from mlx_convert_core.plugin import Remedy, RunCommand, expanded
from mlx_convert_ui.pages.convert.estimate import EstimateCard
from mlx_convert_ui.pages.convert.form_planner import FormPlanner
from mlx_convert_ui.pages.convert.form_remedies import change_of
from mlx_convert_ui.pages.convert.output import OutputCard
from mlx_convert_ui.pages.convert.precision import PrecisionCard
from mlx_convert_ui.pages.convert.source import SourceActions, SourceCard
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, address_of, block
from mlx_convert_ui.widgets.dialogs import confirm, lasting, show_error
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.widgets.get_card import GetCard
from mlx_convert_ui.widgets.job_card import JobCard
from mlx_convert_ui.widgets.live import LiveJobs
from mlx_convert_ui.widgets.picker import pick_file
from mlx_convert_ui.widgets.recipes import recipe_request, recipe_text
from mlx_convert_ui.widgets.upload_dialog import upload_dialog
from mlx_convert_ui.widgets.upload_progress import upload_list

JOB_SECONDS = 0.15


def register(studio: Studio) -> None:
    """Serve it at /."""

    @ui.page("/", response_timeout=READ_SECONDS)
    async def page(ref: str = "") -> Response | None:
        if not ref and not studio.preferences.welcomed and await run.io_bound(studio.welcomes):
            return RedirectResponse(address_of("/welcome"))
        subtitle = "Turn a Hugging Face or local model into a fast MLX model."
        with frame(studio, "/", "Convert", subtitle) as actions:
            ConvertPage(studio, _form(studio, ref), actions)
        return None


class ConvertPage:
    """The form of one tab, and the jobs of all of them."""

    def __init__(self, studio: Studio, form: Form, actions: ui.element) -> None:
        self._studio = studio
        self._form = form
        self._client = ui.context.client  # "Try again" goes with its card before the page is scrolled
        self._planner = FormPlanner(studio, form, self._draw, self._offer)
        with actions:
            tip = "Fill this page from a recipe that somebody shared, a .json file"
            Button("Import recipe", self._import, icon="download", tip=tip).mark("import-recipe")
        self._notes = block("notes")
        with block("columns"):
            with block("column"):
                upload_list(lambda: studio.views.of("upload"), studio.upload)
                self._got = LiveJobs(
                    block("column jobs"), lambda: studio.views.of("get"), lambda view: GetCard(view, self._get)
                )
                self._jobs = LiveJobs(
                    block("column jobs"),
                    lambda: studio.views.of("convert", "convert"),
                    lambda view: JobCard(
                        view,
                        self._run,
                        lasting(lambda path: upload_dialog(studio, path)),
                        lambda path: recipe_text(path, studio.workspace.sources),
                    ),
                )
                self._source = SourceCard(
                    studio, form, self._new_source, SourceActions(more=self._planner.find_more, get=self._get)
                )
                self._precision = PrecisionCard(studio.workspace.presets, form, self._new_choice)
                self._output = OutputCard(studio, form, self._new_place)
            with block("column sticky"):
                self._estimate = EstimateCard(form, self._consented, self._start, self._enqueue)
        self._draw_jobs()
        ui.timer(JOB_SECONDS, self._draw_jobs)
        self._client.on_delete(self._planner.close)
        self._planner.source_changed(delay=0)

    def _new_source(self) -> None:
        self._keep()
        self._planner.source_changed()

    def _new_choice(self) -> None:
        self._keep()
        self._planner.choice_changed()

    def _new_place(self) -> None:
        self._keep()
        self._planner.choice_changed(delay=0.3)

    def _consented(self) -> None:
        self._keep()
        self._draw()

    def _keep(self) -> None:
        self._studio.draft.convert = self._form.as_draft()

    def _offer(self, remedy: Remedy) -> tuple[str, Callable[[], object]] | None:
        """A button for what the form can do about a finding; the page opens anew with the changed form."""
        if isinstance(remedy, RunCommand) and remedy.name == "get":
            (ref,) = remedy.arguments
            return "Get it", lambda: self._get(ref)
        change = change_of(self._form, remedy)
        if change is None:
            return None
        words, apply = change

        def act() -> None:
            apply()
            self._keep()
            ui.navigate.to("/")

        return words, act

    def _draw(self) -> None:
        for part in (self._source, self._precision, self._output, self._estimate):
            part.draw(self._planner)

    async def _start(self) -> None:
        request = await self._agreed()
        if request is not None:
            self._run(request)

    async def _enqueue(self) -> None:
        request = await self._agreed()
        if request is not None:
            await run.io_bound(self._studio.enqueue, [request])
            ui.notify("Added to the queue")

    async def _agreed(self) -> ConvertRequest | None:
        """What the form asks for, once the person agrees to what it replaces; None when it can't be done."""
        preview = await self._planner.settled()
        if preview.plan is None or preview.output is None or preview.refused:
            return None
        if preview.text_only and not self._form.text_only:
            return None
        if preview.exists and not await _may_replace(preview.output):
            return None
        return self._form.request(name=preview.output.path.name, force=preview.exists)

    async def _import(self) -> None:
        """Fill the form from a recipe file; one for several models goes to the queue."""
        chosen = await pick_file(self._studio, "Choose a recipe", ".json", self._form.folder)
        if chosen is None:
            return
        self._notes.clear()
        try:
            request = await run.io_bound(self._imported, Path(chosen))
            if request is None:
                return
            if len(request.presets) > 1:
                await self._import_many(request)
                return
            self._studio.draft.convert = self._form.filled_from(request, self._studio.workspace.presets).as_draft()
            ui.navigate.to("/")
        except MlxConvertError as error:
            show_error(self._notes, error)

    def _imported(self, path: Path) -> ConvertRequest:
        """The request in a recipe file; where that names no model, for the one that the form names."""
        named = self._studio.workspace.sources.read(self._form.ref)
        return recipe_request(path, named.ref if named.whole else "")

    async def _import_many(self, request: ConvertRequest) -> None:
        text = f"It makes {', '.join(request.presets)} of {request.ref} in one go. That is a job for the queue."
        if await confirm("This recipe is for several models", text, action="Add to queue", danger=False):
            await run.io_bound(self._studio.enqueue, [request])
            ui.navigate.to("/queue")

    def _run(self, request: ConvertRequest) -> None:
        try:
            view = self._studio.convert(request)
        except MlxConvertError as error:
            self._planner.preview.error = error
            self._draw()
            return
        for older in self._studio.views.of("convert"):
            if not older.active and older.model == view.model and older is not view:
                older.dismiss()
        self._show_jobs()

    def _get(self, ref: str) -> None:
        """Get a model that is ready, and show it coming."""
        self._studio.get(ref)
        self._show_jobs()

    def _show_jobs(self) -> None:
        self._draw_jobs()
        self._client.run_javascript("document.querySelector('.main').scrollIntoView({block: 'start'})")

    def _draw_jobs(self) -> None:
        ended = [self._got.refresh(), self._jobs.refresh()]  # both of them, not up to the first
        if any(ended):
            self._planner.look_again()  # the output folder may be taken now, and the model here


async def _may_replace(output: OutputPlan) -> bool:
    path, there = output.path, output.replaces
    return await confirm(
        f"Replace {path.name}?",
        f"{path} exists. It stays as it is until the new one is complete and checked; then it is deleted for good"
        f"{f':{chr(10)}{there.words}' if there is not None else '.'}",
        action="Replace",
    )


def _form(studio: Studio, ref: str) -> Form:
    """The last draft, or a fresh form with the settings' defaults."""
    settings = studio.workspace.settings.load()
    form = Form(preset=settings.preset, folder=str(expanded(settings.output_folder).absolute()))
    if studio.draft.convert:
        form = Form(**studio.draft.convert)
    if form.preset not in studio.workspace.presets:
        form.preset = next(iter(studio.workspace.presets), "")
    if ref:
        form.name_model(ref)
    return form
