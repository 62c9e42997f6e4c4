"""The Convert page: source, precision, output; the estimate with the one button; running and finished jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import Response
from fastapi.responses import RedirectResponse
from nicegui import run, ui

from mlx_convert_core import ConvertRequest, MlxConvertError
from mlx_convert_core.plugin import ChooseOutput, Remedy, RunCommand
from mlx_convert_ui.pages.convert.agreeing import agreed_to
from mlx_convert_ui.pages.convert.cut_off import CutOff
from mlx_convert_ui.pages.convert.drafts import draft_of, form_of, usual_of
from mlx_convert_ui.pages.convert.estimate import EstimateCard
from mlx_convert_ui.pages.convert.form_planner import FormPlanner
from mlx_convert_ui.pages.convert.form_remedies import change_of
from mlx_convert_ui.pages.convert.output import OutputCard
from mlx_convert_ui.pages.convert.precision import PrecisionCard
from mlx_convert_ui.pages.convert.source import SourceActions, SourceCard
from mlx_convert_ui.state.convert_form import Form, changes_of
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
from mlx_convert_ui.words import _

JOB_SECONDS = 0.15


def register(studio: Studio) -> None:
    """Serve it at /."""

    @ui.page("/", response_timeout=READ_SECONDS)
    async def page(ref: str = "", adapter: str = "") -> Response | None:
        if not ref and not studio.preferences.welcomed and await run.io_bound(studio.welcomes):
            return RedirectResponse(address_of("/welcome"))
        subtitle = _("Turn a Hugging Face or local model into a fast MLX model.")
        with frame(studio, "/", _("Convert"), subtitle) as actions:
            ConvertPage(studio, form_of(studio, studio.draft.convert, ref, adapter), actions, linked=bool(ref))
        return None


class ConvertPage:
    """The form of one tab, and the jobs of all of them."""

    def __init__(self, studio: Studio, form: Form, actions: ui.element, *, linked: bool) -> None:
        self._studio = studio
        self._client = ui.context.client  # "Try again" goes with its card before the page is scrolled
        with actions:
            tip = _("Fill this page from a recipe that somebody shared, a .json file")
            Button(_("Import recipe"), self._import, icon="download", tip=tip).mark("import-recipe")
        self._notes = block("notes")
        self._body = block("whole")
        self._drawn = studio.draft.convert
        self._build(form)
        if not linked:
            self._client.on_connect(self._own_draft)
        self._client.on_delete(lambda: self._planner.close())

    def _own_draft(self) -> None:
        """The tab is known now: where it has a draft of its own, and another one is drawn, show that."""
        own = self._studio.draft.own("convert", self._client.tab_id)
        if own is not None and own != self._drawn:
            self._planner.close()
            self._body.clear()
            self._build(form_of(self._studio, own))

    def _build(self, form: Form) -> None:
        studio = self._studio
        self._form = form
        self._usual = usual_of(studio)
        self._planner = FormPlanner(studio, form, self._draw, self._offer)
        with self._body, block("columns"):
            with block("column"):
                upload_list(lambda: studio.views.of("upload"), studio.upload)
                self._build_jobs()
                self._source = SourceCard(
                    studio, form, self._new_source, SourceActions(more=self._planner.find_more, get=self._get)
                )
                self._precision = PrecisionCard(studio.workspace.presets, form, self._new_choice)
                self._output = OutputCard(studio, form, self._new_place)
            with block("column sticky"):
                self._estimate = EstimateCard(form, self._consented, self._start, self._enqueue)
            self._draw_jobs()
            ui.timer(JOB_SECONDS, self._draw_jobs)
        self._planner.source_changed(delay=0)

    def _build_jobs(self) -> None:
        studio = self._studio
        CutOff(studio, self._run)
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
        self._drawn = draft_of(self._form, self._usual)
        self._studio.draft.keep("convert", self._client.tab_id, self._drawn)

    def _offer(self, remedy: Remedy) -> tuple[str, Callable[[], object]] | None:
        """A button for what the form can do about a finding; the page opens anew with the changed form."""
        if isinstance(remedy, RunCommand) and remedy.name == "get":
            (ref,) = remedy.arguments
            return _("Get it"), lambda: self._get(ref)
        change = self._named_otherwise(remedy) or change_of(self._form, remedy)
        if change is None:
            return None
        words, apply = change

        def act() -> None:
            apply()
            self._keep()
            ui.navigate.to("/")

        return words, act

    def _named_otherwise(self, remedy: Remedy) -> tuple[str, Callable[[], None]] | None:
        """Another name for that one of several results that is there already."""
        outputs = self._planner.preview.outputs
        if not isinstance(remedy, ChooseOutput) or not remedy.path or len(outputs) < 2:
            return None
        name = Path(remedy.path).name
        of = [output.preset for output in outputs if name.rpartition("-")[0] == output.path.name]
        return (_("Name it {name}", name=name), lambda: self._form.names.update({of[0]: name})) if of else None

    def _draw(self) -> None:
        with self._body:  # what looks at the model has no page of its own, and so no language
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
            ui.notify(_("Added to the queue"))

    async def _agreed(self) -> ConvertRequest | None:
        """What the form asks for, once the person agrees to what it replaces; None when it can't be done."""
        preview = await self._planner.settled()
        if not preview.outputs or preview.refused or (preview.text_only and not self._form.text_only):
            return None
        request = self._form.request(names=tuple(output.path.name for output in preview.outputs))
        return await agreed_to(request, preview.outputs)

    async def _import(self) -> None:
        """Fill the form from a recipe file; one for several models goes to the queue."""
        chosen = await pick_file(self._studio, _("Choose a recipe"), ".json", self._form.folder)
        if chosen is None:
            return
        self._notes.clear()
        try:
            request = await run.io_bound(self._imported, Path(chosen))
            if request is None:
                return
            if len(request.presets) > 1 and changes_of(request):
                await self._import_many(request)
                return
            self._form = self._form.filled_from(request, self._studio.workspace.presets)
            self._keep()
            ui.navigate.to("/")
        except MlxConvertError as error:
            show_error(self._notes, error)

    def _imported(self, path: Path) -> ConvertRequest:
        """The request in a recipe file; where that names no model, for the one that the form names."""
        named = self._studio.workspace.sources.read(self._form.ref)
        return recipe_request(path, named.ref if named.whole else "")

    async def _import_many(self, request: ConvertRequest) -> None:
        presets = ", ".join(request.presets)
        text = _("It makes {presets} from {name} in one go. The queue can do that.", presets=presets, name=request.ref)
        title = _("This recipe is for several models")
        if await confirm(title, text, action=_("Add to queue"), danger=False):
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
